"""The engine over HTTP, from deployment to the end of an instance (contracts/engine.md 1.5)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import JOINING, MODEL, Client, engine_client, place

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, set_time_enabled=True, encryption_keys=(KEY,)) as client:
        yield client


def variable(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "data": {"encoding": "json", "value": value, **more}}


async def test_a_process_is_deployed_once_however_often_it_is_sent(engine: Client) -> None:
    tags = [{"name": "b", "value": "<2>"}, {"name": "a"}]
    deployed = await engine.deploy(tags=tags)
    assert deployed["tags"] == [{"name": "a"}, {"name": "b", "value": "<2>"}]
    assert (await engine.deploy(tags=[{"name": "c"}]))["tags"] == deployed["tags"]
    assert await engine.refused("POST", "/processes", {**body_of("order"), "bpmnXml": MODEL + " "}) == (
        409,
        "CONFLICT",
        "failed to create process",
        "process order:1 already exists with a different BPMN XML",
    )
    assert await engine.rows("processes") == [deployed]
    assert await engine.rows("processes", tags=[{"name": "b", "value": "<2>"}, {"name": "a"}]) == [deployed]
    assert await engine.rows("processes", tags=[{"name": "b", "value": "3"}]) == []


def body_of(process_id: str) -> dict[str, Any]:
    return {"bpmnProcessId": process_id, "bpmnXml": MODEL, "version": "1", "workerId": "w"}


async def test_the_model_is_given_back_as_it_came(engine: Client) -> None:
    deployed = await engine.deploy()
    answer = await engine.call("GET", f"/processes/{deployed['id']}/bpmn-xml")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "text/xml", MODEL)
    unknown = (404, "NOT_FOUND", "failed to get BPMN XML", "process 2147483647 could not be found")
    assert await engine.refused("GET", "/processes/2147483647/bpmn-xml") == unknown


async def test_a_model_without_the_process_is_refused_as_a_model(engine: Client) -> None:
    refusal = await engine.refused("POST", "/processes", body_of("other"))
    assert refusal == (
        422,
        "PROCESS_MODEL",
        "failed to create process",
        "BPMN model has no process other, but [order]",
    )


async def test_elements_are_listed_process_first(engine: Client) -> None:
    await engine.deploy()
    elements = await engine.rows("elements")
    assert [row["bpmnElementType"] for row in elements] == [
        "PROCESS",
        "NONE_START_EVENT",
        "SERVICE_TASK",
        "NONE_END_EVENT",
    ]
    assert await engine.rows("elements", bpmnElementId="pay") == [
        {
            "id": elements[2]["id"],
            "processId": elements[2]["processId"],
            "bpmnElementId": "pay",
            "bpmnElementName": "Pay <now>",
            "bpmnElementType": "SERVICE_TASK",
            "parentBpmnElementId": "order",
        }
    ]


async def test_an_instance_runs_through_its_job_and_every_query_sees_it_at_once(engine: Client) -> None:
    await engine.deploy()
    started = await engine.start(correlationKey="k&1", tags=[{"name": "t"}])
    assert started["state"] == "STARTED"
    assert started["startedAt"] == started["createdAt"]
    assert await engine.rows("process-instances", partition=started["partition"], id=started["id"]) == [started]
    (due,) = await engine.rows("jobs", processInstanceId=started["id"])
    assert (due["state"], due["correlationKey"], due["bpmnElementId"]) == ("DUE", "k&1", "pay")
    (locked,) = await engine.lock()
    assert {**due, "state": "LOCKED", "lockedBy": "worker", "lockedAt": locked["lockedAt"]} == locked
    assert await engine.rows("jobs") == [locked]
    done = await engine.complete(locked)
    assert done == {**locked, "state": "DONE", "completedAt": done["completedAt"]}
    assert await engine.rows("jobs") == [done]
    (ended,) = await engine.rows("process-instances")
    assert ended == {**started, "state": "COMPLETED", "endedAt": done["completedAt"]}
    states = [row["state"] for row in await engine.rows("element-instances", states=["COMPLETED"])]
    assert states == ["COMPLETED"] * 4


async def test_a_job_is_completed_by_the_worker_that_locked_it_and_once(engine: Client) -> None:
    await engine.deploy()
    await engine.start()
    (job,) = await engine.rows("jobs")
    path = f"{place('jobs', job)}/complete"
    name = f"job {job['partition']}/{job['id']}"
    conflict = (409, "CONFLICT", "failed to complete job")
    assert await engine.refused("PATCH", path, {"workerId": "worker"}) == (*conflict, f"{name} is not locked")
    await engine.lock()
    other = f"{name} is not locked by worker other, but worker"
    assert await engine.refused("PATCH", path, {"workerId": "other"}) == (*conflict, other)
    assert await engine.ok("POST", "/jobs/unlock", {"workerId": "other"}) == {"count": 0}
    assert await engine.ok("POST", "/jobs/unlock", {"workerId": "worker"}) == {"count": 1}
    await engine.complete((await engine.lock())[0])
    assert await engine.refused("PATCH", path, {"workerId": "worker"}) == (*conflict, f"{name} is completed")
    unknown = f"job {job['partition']}/2147483647 could not be found"
    path = f"/jobs/{job['partition']}/2147483647/complete"
    assert await engine.refused("PATCH", path, {"workerId": "w"}) == (
        404,
        "NOT_FOUND",
        "failed to complete job",
        unknown,
    )


async def test_a_failure_is_tried_again_and_then_an_incident_that_resolving_undoes(engine: Client) -> None:
    await engine.deploy()
    await engine.start()
    (job,) = await engine.lock()
    assert (await engine.complete(job, error="first", retryLimit=1))["state"] == "CAUSED_RETRY"
    (again,) = await engine.lock()
    assert again["retryCount"] == 1
    failed = await engine.complete(again, error="<second>", retryLimit=1)
    assert (failed["state"], failed["error"]) == ("CAUSED_INCIDENT", "<second>")
    (incident,) = await engine.rows("incidents", jobId=again["id"])
    assert "resolvedAt" not in incident
    resolve = f"{place('incidents', incident)}/resolve"
    await engine.ok("PATCH", resolve, {"workerId": "on-call", "retryTimer": "PT1H"})
    (resolved,) = await engine.rows("incidents")
    assert resolved["resolvedBy"] == "on-call"
    assert (await engine.refused("PATCH", resolve, {"workerId": "on-call"}))[:2] == (409, "CONFLICT")
    assert await engine.lock() == []
    times = await engine.ok("PATCH", "/time", {"timeDuration": "PT1H"})
    assert times["newTime"] > times["oldTime"]
    (third,) = await engine.lock()
    assert third["retryCount"] == 0


async def test_variables_of_an_instance_are_set_encrypted_read_and_deleted(engine: Client) -> None:
    await engine.deploy()
    started = await engine.start(variables=[variable("b", "1"), variable("a", "secret", encrypted=True)])
    path = f"{place('process-instances', started)}/variables"
    assert await engine.ok("GET", path) == {
        "count": 2,
        "variables": [variable("a", "secret", encrypted=True), variable("b", "1")],
    }
    assert (await engine.ok("GET", f"{path}?names=b,c"))["variables"] == [variable("b", "1")]
    assert [row["encrypted"] for row in await engine.rows("variables", names=["a", "b"])] == [False, True]
    await engine.ok("PUT", path, {"workerId": "w", "variables": [{"name": "a"}, variable("b", "2")]})
    assert await engine.ok("GET", path) == {"count": 1, "variables": [variable("b", "2")]}
    unknown = "process instance 0001-01-01/1 could not be found"
    refusal = (404, "NOT_FOUND", "failed to get process variables", unknown)
    assert await engine.refused("GET", "/process-instances/0001-01-01/1/variables") == refusal


async def test_variables_of_an_element_instance_come_with_those_of_the_scopes_around_it(engine: Client) -> None:
    await engine.deploy()
    await engine.start()
    (pay,) = await engine.rows("element-instances", bpmnElementId="pay")
    path = f"{place('element-instances', pay)}/variables"
    variables = [variable("v", "inner"), {**variable("v", "outer"), "bpmnElementId": "order"}]
    await engine.ok("PUT", path, {"workerId": "w", "variables": variables})
    inner, outer = (
        {**variable("v", "inner"), "bpmnElementId": "pay"},
        {**variable("v", "outer"), "bpmnElementId": "order"},
    )
    assert (await engine.ok("GET", path))["variables"] == [outer, inner]
    assert (await engine.ok("GET", f"{path}?excludeParentVariables=true&names=v"))["variables"] == [inner]
    unknown = {"workerId": "w", "variables": [{**variable("v", "x"), "bpmnElementId": "elsewhere"}]}
    assert (await engine.refused("PUT", path, unknown))[:3] == (400, "VALIDATION", "failed to set element variables")


async def test_an_instance_is_halted_and_goes_on(engine: Client) -> None:
    await engine.deploy()
    path = place("process-instances", await engine.start())
    assert await engine.ok("PATCH", f"{path}/suspend", {"workerId": "w"}) is None
    assert [row["state"] for row in await engine.rows("process-instances")] == ["SUSPENDED"]
    assert (await engine.refused("PATCH", f"{path}/suspend", {"workerId": "w"}))[:2] == (409, "CONFLICT")
    assert await engine.ok("PATCH", f"{path}/resume", {"workerId": "w"}) is None
    assert [row["state"] for row in await engine.rows("process-instances")] == ["STARTED"]


async def test_tasks_wait_for_a_client_where_the_executor_is_off(database: str) -> None:
    async with engine_client(database, task_executor_enabled=False) as engine:
        await engine.deploy(JOINING, "joining")
        started = await engine.start("joining")
        tasks = await engine.rows("tasks", type="JOIN_PARALLEL_GATEWAY")
        assert [task["state"] for task in tasks] == ["DUE", "DUE"]
        none = {"locked": 0, "completed": 0, "failed": 0, "completedTasks": [], "failedTasks": []}
        assert await engine.ok("POST", "/tasks/execute", {"limit": 10, "id": tasks[0]["id"] + 1000}) == none
        run = await engine.ok("POST", "/tasks/execute", {"limit": 10, "processInstanceId": started["id"]})
        assert (run["locked"], run["completed"], run["failed"], run["failedTasks"]) == (2, 2, 0, [])
        assert {task["lockedBy"] for task in run["completedTasks"]} == {"default-engine"}
        assert [row["state"] for row in await engine.rows("process-instances")] == ["COMPLETED"]
        assert await engine.ok("POST", "/tasks/unlock", {"engineId": "default-engine"}) == {"count": 0}


async def test_a_page_has_the_rows_that_limit_and_offset_say(engine: Client) -> None:
    await engine.deploy()
    started = [await engine.start() for _ in range(3)]
    page = await engine.ok("POST", "/process-instances/query?limit=1&offset=1", {})
    assert page == {"count": 1, "results": [started[1]]}


async def test_a_command_under_a_key_takes_effect_once(engine: Client) -> None:
    await engine.deploy()
    body = {"bpmnProcessId": "order", "version": "1", "workerId": "w"}
    first = await engine.ok("POST", "/process-instances", body, Idempotency_Key="once")
    assert await engine.ok("POST", "/process-instances", body, Idempotency_Key="once") == first
    assert len(await engine.rows("process-instances")) == 1
    other = {**body, "workerId": "other"}
    assert await engine.refused("POST", "/process-instances", other, Idempotency_Key="once") == (
        409,
        "CONFLICT",
        "idempotency key was used before",
        "it came with a different request then",
    )
    await engine.deploy()
    deployed = {"bpmnProcessId": "order", "bpmnXml": MODEL, "version": "1", "workerId": "w"}
    for _ in range(2):
        await engine.ok("POST", "/processes", deployed, Idempotency_Key="deploy")


async def test_answers_say_which_position_they_reflect(engine: Client) -> None:
    await engine.deploy()
    body = {"bpmnProcessId": "order", "version": "1", "workerId": "w"}
    written = int((await engine.call("POST", "/process-instances", body)).headers["Annals-Position"])
    read = await engine.call("POST", f"/jobs/query?minPosition={written}", {})
    assert int(read.headers["Annals-Position"]) >= written


async def test_moving_the_time_is_refused_where_it_is_not_enabled(database: str) -> None:
    async with engine_client(database) as engine:
        assert await engine.refused("PATCH", "/time", b"not even JSON") == (
            403,
            "FORBIDDEN",
            "failed to set time",
            "setting the time is not enabled",
        )
