"""Messages over HTTP: sent, kept, met, found, and who waits for them (contracts/engine.md 1.5 and 2.9)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import Client, engine_client, model, place

WAITING = model(
    "waiting",
    '<startEvent id="begun"/><sequenceFlow id="f1" sourceRef="begun" targetRef="paid"/>'
    '<intermediateCatchEvent id="paid"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>'
    '<sequenceFlow id="f2" sourceRef="paid" targetRef="done"/><endEvent id="done"/>',
    '<message id="m" name="payment"/>',
)
VARIABLE = {"name": "amount", "data": {"encoding": "json", "value": "12"}}


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, task_executor_enabled=False) as client:
        yield client


async def send(engine: Client, **more: Any) -> Any:
    body = {"name": "payment", "correlationKey": "k", "workerId": "bank", **more}
    return await engine.ok("POST", "/messages", body)


async def subscribe(engine: Client) -> Any:
    """Start an instance that waits for the message, and return the job that said for which key."""
    await engine.deploy(WAITING, "waiting")
    await engine.start("waiting")
    (job,) = await engine.lock()
    assert job["type"] == "SET_MESSAGE_CORRELATION_KEY"
    return await engine.complete(job, completion={"messageCorrelationKey": "k"})


async def test_a_message_that_nobody_waits_for_is_kept_until_it_expires(engine: Client) -> None:
    sent = await send(engine, expirationTimer={"timeDuration": "PT1H"}, uniqueKey="u")
    assert sent == {
        "id": sent["id"],
        "correlationKey": "k",
        "createdAt": sent["createdAt"],
        "createdBy": "bank",
        "expiresAt": sent["expiresAt"],
        "correlated": False,
        "name": "payment",
        "uniqueKey": "u",
    }
    assert sent["expiresAt"] > sent["createdAt"]
    assert await engine.rows("messages") == [sent]
    assert await engine.rows("messages", id=sent["id"], name="payment", excludeExpired=True) == [sent]
    assert await engine.rows("messages", name="other") == []
    assert await engine.rows("messages", id=9_223_372_036_854_775_807) == []


async def test_a_message_without_a_timer_expires_as_it_is_sent(engine: Client) -> None:
    sent = await send(engine)
    assert sent["expiresAt"] == sent["createdAt"]
    assert set(sent) == {"id", "correlationKey", "createdAt", "createdBy", "expiresAt", "correlated", "name"}
    assert await engine.rows("messages") == [sent]
    assert await engine.rows("messages", excludeExpired=True) == []


async def test_a_message_under_the_same_unique_key_is_not_sent_again(engine: Client) -> None:
    sent = await send(engine, expirationTimer={"timeDuration": "PT1H"}, uniqueKey="u")
    assert await send(engine, expirationTimer={"timeDuration": "PT2H"}, uniqueKey="u", workerId="other") == sent
    assert (await send(engine, uniqueKey="v"))["id"] != sent["id"]
    assert len(await engine.rows("messages")) == 2


async def test_a_timer_that_says_nothing_is_refused(engine: Client) -> None:
    body = {"name": "payment", "correlationKey": "k", "workerId": "w", "expirationTimer": {}}
    assert await engine.refused("POST", "/messages", body) == (
        400,
        "VALIDATION",
        "failed to evaluate expiration timer",
        "must specify a time, time cycle or time duration",
    )


async def test_an_event_that_waits_for_a_message_is_found_by_what_it_waits_for(engine: Client) -> None:
    job = await subscribe(engine)
    (subscription,) = await engine.rows("messages/subscriptions")
    assert subscription == {
        "id": subscription["id"],
        "partition": job["partition"],
        **{name: job[name] for name in ("elementId", "elementInstanceId", "processId", "processInstanceId")},
        "bpmnElementId": "paid",
        "correlationKey": "k",
        "createdAt": job["completedAt"],
        "createdBy": "worker",
        "name": "payment",
    }
    for criteria in (
        {"partition": job["partition"]},
        {"processInstanceId": job["processInstanceId"]},
        {"correlationKey": "k", "name": "payment"},
    ):
        assert await engine.rows("messages/subscriptions", **criteria) == [subscription]
    for criteria in ({"partition": "0001-01-01"}, {"correlationKey": "other"}, {"name": "other"}):
        assert await engine.rows("messages/subscriptions", **criteria) == []


async def test_a_message_meets_the_event_that_waits_and_a_task_does_what_follows(engine: Client) -> None:
    job = await subscribe(engine)
    sent = await send(engine, variables=[VARIABLE])
    assert sent["correlated"] is True
    assert "expiresAt" not in sent
    assert await engine.rows("messages/subscriptions") == []
    (task,) = await engine.rows("tasks", type="TRIGGER_EVENT")
    assert (task["serializedTask"], task["createdBy"]) == (f'{{"MessageId":{sent["id"]}}}', "bank")
    assert (task["createdAt"], task["processInstanceId"]) == (sent["createdAt"], job["processInstanceId"])
    run = await engine.ok("POST", "/tasks/execute", {"limit": 10})
    assert [done["id"] for done in run["completedTasks"]] == [task["id"]]
    assert run["completedTasks"][0]["serializedTask"] == task["serializedTask"]
    (ended,) = await engine.rows("process-instances")
    assert ended["state"] == "COMPLETED"
    variables = await engine.ok("GET", f"{place('process-instances', ended)}/variables")
    assert variables["variables"] == [VARIABLE]
    (closed,) = await engine.rows("messages")
    assert closed == {**sent, "expiresAt": run["completedTasks"][0]["completedAt"]}


async def test_a_message_under_an_idempotency_key_is_sent_once(engine: Client) -> None:
    body = {"name": "payment", "correlationKey": "k", "workerId": "bank"}
    first = await engine.ok("POST", "/messages", body, Idempotency_Key="once")
    assert await engine.ok("POST", "/messages", body, Idempotency_Key="once") == first
    assert len(await engine.rows("messages")) == 1
