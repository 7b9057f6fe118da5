"""What a client sees of user tasks, from the deployment to the end (contracts/engine.md 2.14)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import Followed, follow, signal, value
from tests.contract.working import Client, engine_client, place
from tests.modelling import bpmn

PLAIN = bpmn("s:startEvent ask:userTask e:endEvent", "s>ask ask>e")
ERROR = bpmn("s:startEvent ask:userTask b:errorBoundary^ask~E e:endEvent x:endEvent", "s>ask ask>e b>x")
ESCALATED = bpmn(
    "s:startEvent ask:userTask n:escalationBoundary+ask~beside b:escalationBoundary^ask~instead "
    "e:endEvent y:endEvent x:endEvent",
    "s>ask ask>e n>y b>x",
)
WATCHED = bpmn("s:startEvent ask:userTask b:signalBoundary^ask~news e:endEvent x:endEvent", "s>ask ask>e b>x")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def asked(engine: Client, xml: str, **more: Any) -> tuple[Followed, Any]:
    """Deploy, start, and return the instance with its user task."""
    await engine.deploy(xml, "p")
    instance = await follow(engine, **more)
    (user_task,) = await engine.rows("user-tasks", **instance.key)
    return instance, user_task


async def update(engine: Client, user_task: Any, **more: Any) -> Any:
    body = {"revision": user_task["revision"], "workerId": "ann", **more}
    return await engine.ok("PATCH", place("user-tasks", user_task), body)


async def refused(engine: Client, user_task: Any, **more: Any) -> tuple[int, str, str, str]:
    body = {"revision": user_task["revision"], "workerId": "ann", **more}
    return await engine.refused("PATCH", place("user-tasks", user_task), body)


async def test_a_user_task_is_completed_by_hand(engine: Client) -> None:
    instance, user_task = await asked(engine, PLAIN, correlationKey="ck")
    row = await instance.row()
    where = await instance.at("ask")
    assert user_task == {
        "partition": row["partition"],
        "id": user_task["id"],
        "revision": 1,
        "state": "STARTED",
        "elementId": where["elementId"],
        "elementInstanceId": where["id"],
        "bpmnElementId": "ask",
        "processId": row["processId"],
        "processInstanceId": instance.id,
        "correlationKey": "ck",
        "createdAt": row["createdAt"],
        "createdBy": "starter",
        "updatedAt": row["createdAt"],
        "updatedBy": "starter",
    }
    done = await update(engine, user_task, completed=True)
    assert (done["state"], done["revision"], done["updatedBy"]) == ("COMPLETED", 2, "ann")
    assert await instance.elements() == ["p COMPLETED", "s COMPLETED", "ask COMPLETED", "e COMPLETED"]
    assert await instance.jobs() == []
    assert (await refused(engine, done, completed=True))[:2] == (409, "CONFLICT")
    assert "not in state STARTED, but COMPLETED" in (await refused(engine, done))[3]


async def test_tags_and_variables_are_kept_with_a_user_task(engine: Client) -> None:
    instance, user_task = await asked(engine, PLAIN)
    first = await update(
        engine,
        user_task,
        tags=[{"name": "a", "value": "b"}, {"name": "x", "value": "y"}],
        processVariables=[value("a", "1")],
        elementVariables=[value("a", "2"), {"bpmnElementId": "p", **value("a", "3")}],
    )
    assert first["tags"] == [{"name": "a", "value": "b"}, {"name": "x", "value": "y"}]
    assert (first["revision"], first["state"]) == (2, "STARTED")
    assert await instance.variables() == {"a": "1"}
    path = place("element-instances", await instance.at("ask"))
    seen = (await engine.ok("GET", f"{path}/variables"))["variables"]
    assert [(one["bpmnElementId"], one["data"]["value"]) for one in seen] == [("ask", "2"), ("p", "3")]
    tags = [{"name": "a", "value": "b*"}, {"name": "c", "value": "d"}, {"name": "x", "value": ""}]
    second = await update(engine, first, tags=tags)
    assert second["tags"] == [{"name": "a", "value": "b*"}, {"name": "c", "value": "d"}]
    found = await engine.rows("user-tasks", tags=[{"name": "c", "value": "d"}])
    assert [row["id"] for row in found] == [second["id"]]
    assert await engine.rows("user-tasks", tags=[{"name": "x", "value": ""}]) == []


async def test_an_update_needs_the_newest_revision_and_says_one_thing(engine: Client) -> None:
    _, user_task = await asked(engine, PLAIN)
    old = await refused(engine, {**user_task, "revision": 2})
    assert old[:2] == (409, "CONFLICT")
    assert "not in revision 2, but 1" in old[3]
    both = await refused(engine, user_task, completed=True, errorCode="E")
    assert both[:2] == (400, "VALIDATION")
    unknown = await refused(engine, {**user_task, "partition": "0001-01-01"})
    assert unknown[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("kind", ["error", "escalation"])
async def test_what_nobody_catches_is_refused_and_changes_nothing(engine: Client, kind: str) -> None:
    instance, user_task = await asked(engine, PLAIN)
    refusal = await refused(engine, user_task, **{f"{kind}Code": "E"}, tags=[{"name": "a", "value": "b"}])
    assert refusal[:2] == (422, "EXECUTION")
    assert f"{kind} code E" in refusal[3]
    assert await engine.rows("user-tasks", **instance.key) == [user_task]


async def test_an_error_ends_a_user_task(engine: Client) -> None:
    instance, user_task = await asked(engine, ERROR)
    assert (await update(engine, user_task, errorCode="E"))["state"] == "TERMINATED"
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "ask TERMINATED", "b COMPLETED", "x COMPLETED"),
    ]


async def test_an_escalation_ends_a_user_task_or_passes_beside_it(engine: Client) -> None:
    instance, user_task = await asked(engine, ESCALATED)
    beside = await update(engine, user_task, escalationCode="beside")
    assert (beside["state"], beside["revision"]) == ("STARTED", 2)
    assert await instance.elements() == [
        *("p STARTED", "s COMPLETED", "ask STARTED", "n COMPLETED", "b CREATED", "n CREATED", "y COMPLETED"),
    ]
    assert (await update(engine, beside, escalationCode="instead"))["state"] == "TERMINATED"
    assert await instance.elements() == [
        *("p COMPLETED", "s COMPLETED", "ask TERMINATED", "n COMPLETED", "b COMPLETED", "n TERMINATED"),
        *("y COMPLETED", "x COMPLETED"),
    ]


async def test_an_interrupted_user_task_is_over(engine: Client) -> None:
    instance, user_task = await asked(engine, WATCHED)
    await signal(engine, "news")
    await instance.runs("b")
    (ended,) = await engine.rows("user-tasks", **instance.key)
    assert ended["state"] == "TERMINATED"
    assert (await refused(engine, {**user_task, "revision": ended["revision"]}, completed=True))[0] == 409
    assert await instance.state() == "COMPLETED"
