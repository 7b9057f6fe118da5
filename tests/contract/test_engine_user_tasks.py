"""User tasks over HTTP (contracts/engine.md 1.5 and 2.14)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import Client, engine_client, model, place

TITLE = "failed to update user task"
MODEL = model(
    "claim",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="check"/><userTask id="check"/>'
    '<sequenceFlow id="f2" sourceRef="check" targetRef="done"/><endEvent id="done"/>',
)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database) as client:
        await client.deploy(MODEL, "claim")
        await client.start("claim", correlationKey="k")
        yield client


async def update(engine: Client, task: Any, **more: Any) -> Any:
    return await engine.ok("PATCH", place("user-tasks", task), body_of(task, **more))


def body_of(task: Any, **more: Any) -> dict[str, Any]:
    return {"revision": task["revision"], "workerId": "portal", **more}


async def test_a_user_task_is_found_with_all_that_it_has(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    (check,) = await engine.rows("element-instances", bpmnElementId="check")
    assert task == {
        "partition": check["partition"],
        "id": task["id"],
        "revision": 1,
        "elementId": check["elementId"],
        "elementInstanceId": check["id"],
        "processId": check["processId"],
        "processInstanceId": check["processInstanceId"],
        "bpmnElementId": "check",
        "correlationKey": "k",
        "createdAt": check["createdAt"],
        "createdBy": "starter",
        "state": "STARTED",
        "updatedAt": check["createdAt"],
        "updatedBy": "starter",
    }
    for name in ("partition", "id", "elementInstanceId", "processId", "processInstanceId"):
        assert await engine.rows("user-tasks", **{name: task[name]}) == [task]
    assert await engine.rows("user-tasks", id=task["id"] + 1) == []


async def test_tags_of_a_user_task_are_merged_and_find_it(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    tagged = await update(engine, task, tags=[{"name": "team", "value": "claims"}, {"name": "by", "value": "Kim"}])
    assert tagged == {
        **task,
        "revision": 2,
        "tags": [{"name": "by", "value": "Kim"}, {"name": "team", "value": "claims"}],
        "updatedAt": tagged["updatedAt"],
        "updatedBy": "portal",
    }
    assert await engine.rows("user-tasks", tags=[{"name": "team", "value": "claims"}]) == [tagged]
    changed = await update(engine, tagged, tags=[{"name": "team", "value": "fraud"}, {"name": "by"}])
    assert (changed["revision"], changed["tags"]) == (3, [{"name": "team", "value": "fraud"}])
    assert await engine.rows("user-tasks", tags=[{"name": "by"}]) == []


async def test_a_completed_user_task_lets_the_instance_go_on(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    value = {"name": "ok", "data": {"encoding": "json", "value": "true"}}
    completed = await update(engine, task, completed=True, processVariables=[value])
    assert (completed["state"], completed["revision"]) == ("COMPLETED", 2)
    assert await engine.rows("user-tasks") == [completed]
    (ended,) = await engine.rows("process-instances")
    assert ended["state"] == "COMPLETED"
    assert (await engine.ok("GET", f"{place('process-instances', ended)}/variables"))["variables"] == [value]
    name = f"user task {task['partition']}/{task['id']}"
    assert await engine.refused("PATCH", place("user-tasks", task), body_of(completed)) == (
        409,
        "CONFLICT",
        TITLE,
        f"{name} is not in state STARTED, but COMPLETED",
    )


async def test_an_update_of_an_old_revision_is_refused(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    await update(engine, task)
    name = f"user task {task['partition']}/{task['id']}"
    assert await engine.refused("PATCH", place("user-tasks", task), body_of(task)) == (
        409,
        "CONFLICT",
        TITLE,
        f"{name} is not in revision 1, but 2",
    )


async def test_an_update_ends_a_user_task_in_one_way(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    expected = "expected to either complete user task, throw error or escalate user task"
    for ways in (
        {"completed": True, "errorCode": "E"},
        {"completed": True, "escalationCode": "E"},
        {"errorCode": "E", "escalationCode": "E"},
    ):
        refusal = await engine.refused("PATCH", place("user-tasks", task), body_of(task, **ways))
        assert refusal == (400, "VALIDATION", TITLE, expected)
    assert await engine.rows("user-tasks") == [task]


async def test_an_error_or_escalation_that_nothing_catches_changes_nothing(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    refusal = await engine.refused("PATCH", place("user-tasks", task), body_of(task, errorCode="E"))
    assert refusal == (
        422,
        "EXECUTION",
        "failed to throw BPMN error",
        "failed to find boundary event for error code E",
    )
    refusal = await engine.refused("PATCH", place("user-tasks", task), body_of(task, escalationCode="E"))
    assert refusal == (
        422,
        "EXECUTION",
        "failed to escalate user task",
        "failed to find boundary event for escalation code E",
    )
    assert await engine.rows("user-tasks") == [task]


async def test_variables_go_to_a_scope_around_the_user_task_or_nowhere(engine: Client) -> None:
    (task,) = await engine.rows("user-tasks")
    value = {"name": "v", "data": {"encoding": "json", "value": "1"}, "bpmnElementId": "elsewhere"}
    refusal = await engine.refused("PATCH", place("user-tasks", task), body_of(task, elementVariables=[value]))
    assert refusal[:3] == (400, "VALIDATION", "failed to set element variables")
    assert await engine.rows("user-tasks") == [task]


async def test_an_unknown_user_task_is_not_found(engine: Client) -> None:
    body = {"revision": 1, "workerId": "w"}
    detail = "user task 0001-01-01/7 could not be found"
    assert await engine.refused("PATCH", "/user-tasks/0001-01-01/7", body) == (404, "NOT_FOUND", TITLE, detail)
    assert (await engine.refused("PATCH", "/user-tasks/yesterday/7", body))[:2] == (400, "HTTP_REQUEST_URI")
    assert (await engine.refused("PATCH", "/user-tasks/0001-01-01/0", body))[:2] == (400, "VALIDATION")
