"""What instances tell of each other over HTTP: who called whom, who waits for a place (engine.md 2.4 and 2.13)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import MODEL, Client, engine_client, model

CALLING = model(
    "calling",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="call"/><callActivity id="call"/>'
    '<sequenceFlow id="f2" sourceRef="call" targetRef="done"/><endEvent id="done"/>',
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def call(engine: Client) -> tuple[Any, Any]:
    """Start an instance that calls another one, and return both."""
    await engine.deploy()
    await engine.deploy(CALLING, "calling")
    parent = await engine.start("calling")
    (job,) = await engine.lock()
    assert job["type"] == "CALL_PROCESS"
    called = {"bpmnProcessId": "order", "version": "1", "correlationKey": "c", "tags": [{"name": "t", "value": "1"}]}
    await engine.complete(job, completion={"calledProcess": called})
    (child,) = await engine.rows("process-instances", parentId=parent["id"])
    return parent, child


async def test_a_called_instance_names_its_parent_and_its_root_and_a_root_neither(engine: Client) -> None:
    parent, child = await call(engine)
    assert child == {
        "partition": parent["partition"],
        "id": child["id"],
        "parentId": parent["id"],
        "rootId": parent["id"],
        "processId": child["processId"],
        "bpmnProcessId": "order",
        "correlationKey": "c",
        "createdAt": child["createdAt"],
        "createdBy": "worker",
        "startedAt": child["createdAt"],
        "state": "STARTED",
        "tags": [{"name": "t", "value": "1"}],
        "version": "1",
    }
    assert {"parentId", "rootId"}.isdisjoint(parent)
    assert await engine.rows("process-instances", rootId=parent["id"]) == [parent, child]
    assert await engine.rows("process-instances", rootId=child["id"]) == []


async def test_a_caller_goes_on_when_what_it_called_has_ended(engine: Client) -> None:
    parent, _ = await call(engine)
    (job,) = await engine.lock()
    await engine.complete(job)
    (passing,) = await engine.lock()
    assert (passing["type"], passing["processInstanceId"]) == ("PASS_VARIABLES", parent["id"])
    await engine.complete(passing)
    assert [row["state"] for row in await engine.rows("process-instances")] == ["COMPLETED", "COMPLETED"]


async def test_variables_of_a_caller_are_no_scope_of_what_it_called(engine: Client) -> None:
    parent, child = await call(engine)
    value = {"name": "v", "data": {"encoding": "json", "value": "1"}}
    rows = await engine.rows("element-instances", processInstanceId=parent["id"], bpmnElementId="calling")
    path = f"/element-instances/{rows[0]['partition']}/{rows[0]['id']}/variables"
    await engine.ok("PUT", path, {"workerId": "w", "variables": [value]})
    (pay,) = await engine.rows("element-instances", processInstanceId=child["id"], bpmnElementId="pay")
    inside = await engine.ok("GET", f"/element-instances/{pay['partition']}/{pay['id']}/variables")
    assert inside == {"count": 0, "variables": []}


async def test_an_instance_without_a_free_place_waits_and_has_not_started(engine: Client) -> None:
    deployed = await engine.deploy(parallelism=1)
    assert deployed["parallelism"] == 1
    assert await engine.rows("processes") == [deployed]
    first, second = await engine.start(), await engine.start()
    assert (first["state"], second["state"]) == ("STARTED", "QUEUED")
    assert "startedAt" not in second
    assert await engine.rows("process-instances") == [first, second]
    queued = await engine.rows("element-instances", processInstanceId=second["id"])
    assert {(row["state"], "startedAt" in row) for row in queued} == {("QUEUED", False)}
    suspend = f"/process-instances/{second['partition']}/{second['id']}/suspend"
    assert (await engine.refused("PATCH", suspend, {"workerId": "w"}))[:2] == (409, "CONFLICT")


async def test_a_queued_instance_is_started_by_a_task_when_there_is_a_place(engine: Client) -> None:
    await engine.deploy(parallelism=1)
    await engine.start()
    second = await engine.start()
    (job,) = await engine.lock()
    await engine.complete(job)
    (task,) = await engine.rows("tasks", type="START_PROCESS_INSTANCE")
    assert (task["processInstanceId"], task["createdBy"]) == (second["id"], "worker")
    run = await engine.ok("POST", "/tasks/execute", {"limit": 1, "type": "START_PROCESS_INSTANCE"})
    assert [(done["id"], done["state"]) for done in run["completedTasks"]] == [(task["id"], "DONE")]
    (started,) = await engine.rows("process-instances", id=second["id"])
    assert started == {**second, "state": "STARTED", "startedAt": started["startedAt"]}


async def test_a_higher_limit_takes_instances_from_the_queue_by_a_task_of_its_own(engine: Client) -> None:
    await engine.deploy(parallelism=1)
    await engine.start()
    await engine.start()
    await engine.deploy(MODEL, version="2", parallelism=2)
    (task,) = await engine.rows("tasks", type="DEQUEUE_PROCESS_INSTANCE")
    assert {"elementId", "elementInstanceId", "processInstanceId", "bpmnElementId"}.isdisjoint(task)
    assert task["partition"]
    assert task["serializedTask"] == '{"BpmnProcessId":"order"}'
    for kind in ("DEQUEUE_PROCESS_INSTANCE", "START_PROCESS_INSTANCE"):
        run = await engine.ok("POST", "/tasks/execute", {"limit": 10})
        assert [done["type"] for done in run["completedTasks"]] == [kind]
    assert [row["state"] for row in await engine.rows("process-instances")] == ["STARTED", "STARTED"]
