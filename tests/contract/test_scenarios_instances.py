"""What a client sees of queues, suspension, variables and incidents (contracts/engine.md 2.4, 2.6 and 2.15)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import Followed, advance, execute, follow, value
from tests.contract.working import Client, engine_client, place
from tests.modelling import bpmn

WORKING = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
BOTH = bpmn(
    "s:startEvent fork:parallelGateway a:serviceTask b:serviceTask join:parallelGateway e:endEvent",
    "s>fork fork>a fork>b a>join b>join join>e",
)
INNER = bpmn(
    "s:startEvent sub:subProcess s2:startEvent@sub work:serviceTask@sub e2:endEvent@sub e:endEvent",
    "s>sub sub>e s2>work work>e2",
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False, set_time_enabled=True) as client:
        yield client


async def states(instances: list[Followed]) -> str:
    return " ".join([await instance.state() for instance in instances])


async def test_instances_beyond_the_limit_wait_for_their_turn(engine: Client) -> None:
    await engine.deploy(WORKING, "p", parallelism=1)
    instances = [await follow(engine) for _ in range(3)]
    assert await states(instances) == "STARTED QUEUED QUEUED"
    assert ["startedAt" in await instance.row() for instance in instances] == [True, False, False]
    assert await instances[1].elements() == ["p QUEUED", "s QUEUED"]
    for before, following in ((instances[0], instances[1]), (instances[1], instances[2])):
        await before.completes("work")
        assert await following.state() == "QUEUED"
        (task,) = await following.works()
        assert (task["type"], task["createdBy"]) == ("START_PROCESS_INSTANCE", "worker")
        assert await following.elements() == ["p STARTED", "s COMPLETED", "work STARTED"]
    assert await states(instances) == "COMPLETED COMPLETED STARTED"
    assert "startedAt" in await instances[1].row()


async def test_a_new_limit_lets_the_queue_move_on_one_by_one(engine: Client) -> None:
    await engine.deploy(WORKING, "p", "1", parallelism=4)
    instances = [await follow(engine) for _ in range(6)]
    assert await states(instances) == "STARTED STARTED STARTED STARTED QUEUED QUEUED"
    await engine.deploy(WORKING.replace("<endEvent", " <endEvent"), "p", "2", parallelism=8)
    instances.append(await follow(engine))
    assert await instances[6].state() == "QUEUED"
    assert len(await execute(engine, type="DEQUEUE_PROCESS_INSTANCE", limit=1)) == 1
    assert len(await execute(engine, type="START_PROCESS_INSTANCE", limit=1)) == 1
    assert await instances[4].state() == "STARTED"
    await engine.deploy(WORKING.replace("<endEvent", "  <endEvent"), "p", "3", parallelism=0)
    for kind in ("DEQUEUE_PROCESS_INSTANCE", "START_PROCESS_INSTANCE"):
        for _ in range(2):
            assert [task["type"] for task in await execute(engine, type=kind, limit=1)] == [kind]
    assert await states(instances) == " ".join(["STARTED"] * 7)


async def test_a_queued_instance_cannot_be_suspended_but_has_variables(engine: Client) -> None:
    await engine.deploy(WORKING, "p", parallelism=1)
    await follow(engine)
    queued = await follow(engine, variables=[value("a", "1")])
    assert (await engine.refused("PATCH", f"{queued.path}/suspend", {"workerId": "w"}))[:2] == (409, "CONFLICT")
    await engine.ok("PUT", f"{queued.path}/variables", {"workerId": "w", "variables": [value("b", "2")]})
    assert await queued.variables() == {"a": "1", "b": "2"}


async def test_a_suspended_instance_goes_no_further_until_it_is_resumed(engine: Client) -> None:
    await engine.deploy(BOTH, "p")
    instance = await follow(engine)
    await engine.ok("PATCH", f"{instance.path}/suspend", {"workerId": "w"})
    assert await instance.elements() == [
        *("p SUSPENDED", "s COMPLETED", "fork COMPLETED", "a STARTED", "b STARTED"),
    ]
    await instance.completes("a")
    await instance.completes("b")
    assert (await instance.elements())[-2:] == ["join SUSPENDED", "join SUSPENDED"]
    assert await instance.tasks() == []
    assert (await engine.refused("PATCH", f"{instance.path}/suspend", {"workerId": "w"}))[:2] == (409, "CONFLICT")
    await engine.ok("PATCH", f"{instance.path}/resume", {"workerId": "w"})
    assert await instance.state() == "STARTED"
    await execute(engine, **instance.key)
    assert await instance.state() == "COMPLETED"
    assert (await engine.refused("PATCH", f"{instance.path}/resume", {"workerId": "w"}))[:2] == (409, "CONFLICT")


@pytest.mark.parametrize("what", ["suspend", "resume"])
async def test_an_unknown_instance_is_not_found(engine: Client, what: str) -> None:
    path = f"/process-instances/0001-01-01/1/{what}"
    assert (await engine.refused("PATCH", path, {"workerId": "w"}))[:2] == (404, "NOT_FOUND")


async def test_variables_of_an_instance_and_of_its_elements_are_apart(engine: Client) -> None:
    await engine.deploy(WORKING, "p")
    instance = await follow(engine)
    where = place("element-instances", await instance.at("work"))
    for path, mark in ((instance.path, "p"), (where, "e")):
        given = [value(name, f"{name}-{mark}") for name in "abc"] + [value("d", None)]
        assert await engine.ok("PUT", f"{path}/variables", {"workerId": "w", "variables": given}) is None
    assert await instance.variables() == {"a": "a-p", "b": "b-p", "c": "c-p"}
    seen = await engine.ok("GET", f"{where}/variables?names=a,c,d")
    assert [(one["name"], one["data"]["value"]) for one in seen["variables"]] == [("a", "a-e"), ("c", "c-e")]
    changes = {"workerId": "w", "variables": [value("a", "new"), value("b", None)]}
    await engine.ok("PUT", f"{instance.path}/variables", changes)
    assert await instance.variables() == {"a": "new", "c": "c-p"}
    rows = await engine.rows("variables", **instance.key)
    assert [(row["name"], row.get("elementInstanceId")) for row in rows if row["name"] == "a"] == [
        ("a", None),
        ("a", (await instance.at("work"))["id"]),
    ]


async def test_an_ended_instance_shows_its_variables_and_takes_no_more(engine: Client) -> None:
    await engine.deploy(WORKING, "p")
    instance = await follow(engine, variables=[value("a", "1")])
    where = place("element-instances", await instance.at("work"))
    rows = await engine.rows("element-instances", **instance.key, bpmnElementId="s")
    await instance.completes("work")
    assert await instance.variables() == {"a": "1"}
    for path in (instance.path, where, place("element-instances", rows[0])):
        body = {"workerId": "w", "variables": [value("b", "1")]}
        assert (await engine.refused("PUT", f"{path}/variables", body))[:2] == (409, "CONFLICT")


async def element_variables(engine: Client, path: str, query: str = "") -> list[tuple[str, str, str]]:
    found = (await engine.ok("GET", f"{path}/variables{query}"))["variables"]
    return [(one["bpmnElementId"], one["name"], one["data"]["value"]) for one in found]


async def test_variables_go_to_the_scope_that_is_named_and_the_first_of_a_name_wins(engine: Client) -> None:
    await engine.deploy(INNER, "p")
    instance = await follow(engine)
    path = place("element-instances", await instance.at("work"))
    given: list[dict[str, Any]] = [
        value("a", "1"),
        {"bpmnElementId": "work", **value("a", "2")},
        {"bpmnElementId": "sub", **value("a", "3")},
        {"bpmnElementId": "p", **value("b", "4")},
        {"bpmnElementId": "p", **value("b", "5")},
        {"bpmnElementId": "work", **value("c", "6")},
    ]
    await engine.ok("PUT", f"{path}/variables", {"workerId": "w", "variables": given})
    assert await element_variables(engine, path) == [
        *(("sub", "a", "3"), ("work", "a", "1"), ("p", "b", "4"), ("work", "c", "6")),
    ]
    assert await element_variables(engine, path, "?excludeParentVariables=true") == [
        *(("work", "a", "1"), ("work", "c", "6")),
    ]
    given = [{"bpmnElementId": "sub", **value("a", "7")}, {"bpmnElementId": "p", **value("b", None)}]
    await engine.ok("PUT", f"{path}/variables", {"workerId": "w", "variables": given})
    assert await element_variables(engine, path) == [("sub", "a", "7"), ("work", "a", "1"), ("work", "c", "6")]
    given = [{"bpmnElementId": scope, **value("a", None)} for scope in ("z", "x", "p")]
    refusal = await engine.refused("PUT", f"{path}/variables", {"workerId": "w", "variables": given})
    assert refusal[:2] == (400, "VALIDATION")
    assert "has no such scopes [x, z], but [p, sub, work]" in refusal[3]


async def test_a_failed_job_is_tried_again_as_often_as_its_worker_says(engine: Client) -> None:
    await engine.deploy(WORKING, "p")
    instance = await follow(engine, correlationKey="ck")
    first = await instance.job("work")
    done = await engine.complete(first, error="broken", retryLimit=1, retryTimer="PT1M")
    assert done == {**first, "completedAt": done["completedAt"], "error": "broken", "state": "CAUSED_RETRY"}
    (_, second) = await engine.rows("jobs", **instance.key)
    fresh = {name: text for name, text in first.items() if name not in ("lockedAt", "lockedBy")}
    assert second == {
        **fresh,
        "id": first["id"] + 1,
        "retryCount": 1,
        "state": "CREATED",
        "dueAt": second["dueAt"],
        "createdAt": done["completedAt"],
        "createdBy": "worker",
    }
    assert await engine.lock() == []
    await advance(engine, "PT1M")
    done = await instance.answers("work", error="broken again", retryLimit=1)
    assert done["state"] == "CAUSED_INCIDENT"
    (incident,) = await engine.rows("incidents", jobId=done["id"], partition=done["partition"])
    assert incident == {
        **{name: done[name] for name in ("partition", "elementId", "elementInstanceId", "processId")},
        "id": incident["id"],
        "jobId": done["id"],
        "processInstanceId": instance.id,
        "createdAt": done["completedAt"],
        "createdBy": "worker",
    }


async def test_a_resolved_incident_gives_the_worker_a_new_job(engine: Client) -> None:
    await engine.deploy(WORKING, "p")
    instance = await follow(engine)
    await instance.answers("work", error="broken")
    (incident,) = await engine.rows("incidents", **instance.key)
    path = f"{place('incidents', incident)}/resolve"
    assert await engine.ok("PATCH", path, {"workerId": "helper", "retryTimer": "PT1H"}) is None
    (resolved,) = await engine.rows("incidents", **instance.key)
    assert resolved == {**incident, "resolvedAt": resolved["resolvedAt"], "resolvedBy": "helper"}
    assert (await engine.refused("PATCH", path, {"workerId": "helper"}))[:2] == (409, "CONFLICT")
    again = (await engine.rows("jobs", **instance.key))[-1]
    assert (again["retryCount"], again["createdBy"], again["state"]) == (0, "helper", "CREATED")
    assert again["createdAt"] == resolved["resolvedAt"]
    await advance(engine, "PT1H")
    await instance.completes("work")
    assert await instance.state() == "COMPLETED"


async def test_a_job_is_completed_once_by_the_worker_that_locked_it(engine: Client) -> None:
    await engine.deploy(WORKING, "p")
    instance = await follow(engine)
    (job,) = await engine.rows("jobs", **instance.key)
    path = f"{place('jobs', job)}/complete"
    assert (await engine.refused("PATCH", path, {"workerId": "worker"}))[:2] == (409, "CONFLICT")
    locked = await instance.job("work")
    assert (locked["state"], locked["lockedBy"], "lockedAt" in locked) == ("LOCKED", "worker", True)
    assert (await engine.refused("PATCH", path, {"workerId": "other"}))[:2] == (409, "CONFLICT")
    done = await engine.complete(locked)
    assert done == {**locked, "completedAt": done["completedAt"], "state": "DONE"}
    assert await engine.rows("jobs", **instance.key) == [done]
    assert (await engine.refused("PATCH", path, {"workerId": "worker"}))[:2] == (409, "CONFLICT")
    assert (await engine.refused("PATCH", "/jobs/0001-01-01/1/complete", {"workerId": "w"}))[:2] == (404, "NOT_FOUND")


async def test_everything_is_counted_from_one_without_gaps(engine: Client) -> None:
    assert (await engine.deploy(WORKING, "p"))["id"] == 1
    assert [row["id"] for row in await engine.rows("elements")] == [1, 2, 3, 4]
    instances = [await follow(engine, variables=[value("a", "1"), value("b", "2")]) for _ in range(3)]
    assert [instance.id for instance in instances] == [1, 2, 3]
    assert (await instances[0].answers("work", error="broken"))["id"] == 1
    assert [row["id"] for row in await engine.rows("incidents")] == [1]
    for what, count in (("jobs", 3), ("element-instances", 9), ("variables", 6)):
        assert [row["id"] for row in await engine.rows(what)] == list(range(1, count + 1))
    body = {"correlationKey": "k", "workerId": "w"}
    sent = [await engine.ok("POST", "/messages", {**body, "name": name}) for name in ("m", "n", "m")]
    assert [message["id"] for message in sent] == [1, 2, 3]
    (_, second) = [await engine.deploy(WORKING, "p", version) for version in ("1", "2")]
    assert second["id"] == 2
