"""Canceling a process instance over HTTP (beyond contracts/engine.md, in its style)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import follow, send
from tests.contract.working import JOINING, Client, engine_client, place
from tests.modelling import bpmn

TITLE = "failed to cancel process instance"


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        await client.deploy()
        yield client


async def test_a_canceled_instance_ends_with_all_that_is_open_in_it(engine: Client) -> None:
    started = await engine.start()
    (job,) = await engine.lock()
    path = place("process-instances", started)
    assert await engine.ok("PATCH", f"{path}/cancel", {"workerId": "on-call"}) is None
    (canceled,) = await engine.rows("process-instances")
    assert canceled == {**started, "state": "CANCELED", "endedAt": canceled["endedAt"]}
    states = {row["bpmnElementId"]: row["state"] for row in await engine.rows("element-instances")}
    assert states == {"order": "TERMINATED", "placed": "COMPLETED", "pay": "TERMINATED"}
    assert [row["state"] for row in await engine.rows("jobs")] == ["CANCELED"]
    assert await engine.lock() == []
    late = await engine.call("PATCH", f"{place('jobs', job)}/complete", {"workerId": "worker"})
    assert late.status_code == 409


async def test_tasks_of_a_canceled_instance_are_canceled(engine: Client) -> None:
    await engine.deploy(JOINING, "joining")
    started = await engine.start("joining")
    await engine.ok("PATCH", f"{place('process-instances', started)}/cancel", {"workerId": "on-call"})
    assert {row["state"] for row in await engine.rows("tasks")} == {"CANCELED"}
    assert (await engine.ok("POST", "/tasks/execute", {"limit": 10}))["locked"] == 0


async def test_an_incident_of_a_canceled_instance_cannot_be_resolved_any_more(engine: Client) -> None:
    started = await engine.start()
    (job,) = await engine.lock()
    await engine.complete(job, error="no")
    (incident,) = await engine.rows("incidents")
    await engine.ok("PATCH", f"{place('process-instances', started)}/cancel", {"workerId": "on-call"})
    resolved = await engine.call("PATCH", f"{place('incidents', incident)}/resolve", {"workerId": "on-call"})
    assert resolved.status_code == 409


@pytest.mark.parametrize("resolved_before", [0, 1, 2])
async def test_an_incident_of_a_message_for_a_canceled_instance_cannot_be_resolved_any_more(
    engine: Client, monkeypatch: pytest.MonkeyPatch, resolved_before: int
) -> None:
    await engine.deploy(bpmn("s:startEvent c:messageCatch e:endEvent", "s>c c>e"), "p")
    instance = await follow(engine)
    await instance.completes("c", messageName="m", messageCorrelationKey="k")
    await send(engine, "m", "k", uniqueKey="once")
    monkeypatch.setattr("domain.bpmn.execution.STEP_BUDGET", 0)
    incident = await fails_to_trigger(engine)
    for _ in range(resolved_before):
        await engine.ok("PATCH", f"{place('incidents', incident)}/resolve", {"workerId": "on-call"})
        incident = await fails_to_trigger(engine)
    await engine.ok("PATCH", f"{instance.path}/cancel", {"workerId": "on-call"})
    assert all("resolvedAt" in row for row in await engine.rows("incidents"))
    resolved = await engine.refused("PATCH", f"{place('incidents', incident)}/resolve", {"workerId": "on-call"})
    assert resolved[0] == 409
    assert resolved[3].endswith("is resolved")
    assert {row["state"] for row in await engine.rows("tasks")} == {"CAUSED_INCIDENT"}


async def fails_to_trigger(engine: Client) -> Any:
    """Have the engine run the task of the message, and return the incident that it comes to."""
    await engine.ok("POST", "/tasks/execute", {"limit": 10})
    (incident,) = [row for row in await engine.rows("incidents") if "resolvedAt" not in row]
    return incident


async def test_a_suspended_instance_can_be_canceled(engine: Client) -> None:
    path = place("process-instances", await engine.start())
    await engine.ok("PATCH", f"{path}/suspend", {"workerId": "w"})
    await engine.ok("PATCH", f"{path}/cancel", {"workerId": "w"})
    assert [row["state"] for row in await engine.rows("process-instances")] == ["CANCELED"]


async def test_an_instance_that_has_ended_is_not_canceled(engine: Client) -> None:
    canceled, completed = await engine.start(), await engine.start()
    await engine.ok("PATCH", f"{place('process-instances', canceled)}/cancel", {"workerId": "w"})
    (job,) = await engine.lock()
    await engine.complete(job)
    for ended in (canceled, completed):
        path = f"{place('process-instances', ended)}/cancel"
        assert (await engine.refused("PATCH", path, {"workerId": "w"}))[:3] == (409, "CONFLICT", TITLE)
    assert [row["state"] for row in await engine.rows("process-instances")] == ["CANCELED", "COMPLETED"]


async def test_an_unknown_instance_is_not_canceled(engine: Client) -> None:
    refusal = await engine.refused("PATCH", "/process-instances/0001-01-01/1/cancel", {"workerId": "w"})
    assert refusal == (404, "NOT_FOUND", TITLE, "process instance 0001-01-01/1 could not be found")
