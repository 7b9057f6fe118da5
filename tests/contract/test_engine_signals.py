"""Signals over HTTP, and who waits for them (contracts/engine.md 1.5 and 2.10)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.working import Client, engine_client, model

WAITING = model(
    "waiting",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="changed"/>'
    '<intermediateCatchEvent id="changed"><signalEventDefinition signalRef="s"/></intermediateCatchEvent>'
    '<sequenceFlow id="f2" sourceRef="changed" targetRef="done"/><endEvent id="done"/>',
    '<signal id="s" name="prices"/>',
)
SIGNAL = {"name": "prices", "workerId": "catalogue"}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def test_a_signal_that_nobody_waits_for_is_sent_all_the_same(engine: Client) -> None:
    sent = await engine.ok("POST", "/signals", SIGNAL)
    assert sent == {
        "id": sent["id"],
        "createdAt": sent["createdAt"],
        "createdBy": "catalogue",
        "name": "prices",
        "subscriberCount": 0,
    }


async def test_a_signal_meets_all_events_that_wait_and_tasks_do_what_follows(engine: Client) -> None:
    await engine.deploy(WAITING, "waiting")
    instances = [await engine.start("waiting") for _ in range(2)]
    subscriptions = await engine.rows("signals/subscriptions", name="prices")
    (waiting,) = await engine.rows("element-instances", bpmnElementId="changed", processInstanceId=instances[0]["id"])
    assert subscriptions[0] == {
        "id": subscriptions[0]["id"],
        "partition": waiting["partition"],
        "elementId": waiting["elementId"],
        "elementInstanceId": waiting["id"],
        "processId": waiting["processId"],
        "processInstanceId": instances[0]["id"],
        "bpmnElementId": "changed",
        "createdAt": waiting["createdAt"],
        "createdBy": "starter",
        "name": "prices",
    }
    assert await engine.rows("signals/subscriptions", processInstanceId=instances[1]["id"]) == [subscriptions[1]]
    assert await engine.rows("signals/subscriptions", name="other") == []
    sent = await engine.ok("POST", "/signals", SIGNAL)
    assert sent["subscriberCount"] == 2
    assert await engine.rows("signals/subscriptions") == []
    tasks = await engine.rows("tasks", type="TRIGGER_EVENT")
    assert [task["serializedTask"] for task in tasks] == [f'{{"SignalId":{sent["id"]}}}'] * 2
    assert {task["createdAt"] for task in tasks} == {sent["createdAt"]}
    assert (await engine.ok("POST", "/tasks/execute", {"limit": 10}))["completed"] == 2
    assert [row["state"] for row in await engine.rows("process-instances")] == ["COMPLETED"] * 2


async def test_a_signal_under_an_idempotency_key_is_sent_once(engine: Client) -> None:
    first = await engine.ok("POST", "/signals", SIGNAL, Idempotency_Key="once")
    assert await engine.ok("POST", "/signals", SIGNAL, Idempotency_Key="once") == first
    assert (await engine.ok("POST", "/signals", SIGNAL))["id"] != first["id"]
