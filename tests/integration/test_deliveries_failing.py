"""Receivers that are gone, slow, choosy or broken for days, and what becomes of their webhooks and of the others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from commands.webhooks import ChangeWebhook, EnableWebhook, RedeliverEvent
from domain.webhooks.events import WebhookDisabled
from tests.integration.delivering import Receiver, Stage, delivering, executed, receiving, until

DEPLOYED = ("process.deployed.v1",)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often for what is due again."""
    monkeypatch.setattr("infra.delivery.deliveries.LOOK_EVERY", 0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def stage(shared_database: str) -> AsyncIterator[Stage]:
    async with delivering(shared_database) as stage:
        yield stage


async def disabled(stage: Stage, webhook: str) -> str:
    """Wait until a webhook is disabled, and return why."""
    found: list[Any] = []

    async def is_disabled() -> bool:
        facts = await stage.node.log.read(f"webhook-{webhook}")
        found[:] = [fact for fact in facts if isinstance(fact.event, WebhookDisabled)]
        return bool(found)

    await until(is_disabled)
    await stage.told()
    assert len(found) == 1
    assert found[0].actor.kind == "system"
    reason: str = found[0].event.reason
    return reason


async def test_a_receiver_that_says_it_is_gone_is_asked_no_more(stage: Stage, receiver: Receiver) -> None:
    receiver.says(410)
    webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    await stage.happens()
    assert await disabled(stage, webhook) == "gone"
    came = len(receiver.received)
    await stage.happens()
    await stage.told()
    assert len(receiver.received) == came
    (record,) = await stage.deliveries(webhook)
    assert record.state == "pending"
    receiver.says(204)
    await stage.send(EnableWebhook(), webhook)
    await stage.settled(webhook, 1)


async def test_a_receiver_that_asks_for_time_is_given_it(stage: Stage, receiver: Receiver) -> None:
    receiver.says(429, **{"Retry-After": "3600"})
    webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    await stage.happens()

    async def tried() -> bool:
        return bool([one for one in await stage.deliveries(webhook) if one.attempts])

    await until(tried)
    (record,) = await stage.deliveries(webhook)
    assert record.next_attempt_at is not None
    assert record.last_attempt_at is not None
    assert timedelta(hours=1) <= record.next_attempt_at - record.last_attempt_at < timedelta(hours=1, minutes=2)
    assert (record.state, record.last_outcome, record.last_status) == ("pending", "status", 429)


async def test_nobody_is_put_off_for_longer_than_a_day(stage: Stage, receiver: Receiver) -> None:
    receiver.says(503, **{"Retry-After": "99999999"})
    webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    await stage.happens()

    async def tried() -> bool:
        return bool([one for one in await stage.deliveries(webhook) if one.attempts])

    await until(tried)
    (record,) = await stage.deliveries(webhook)
    assert record.next_attempt_at is not None
    assert record.last_attempt_at is not None
    assert record.next_attempt_at - record.last_attempt_at < timedelta(days=1, minutes=2)


async def test_a_receiver_that_has_taken_nothing_for_three_days_is_asked_no_more(
    stage: Stage, shared_database: str, receiver: Receiver
) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    (position,) = await stage.happens()
    await stage.settled(webhook, 1, ("failed",))
    age = "update delivery.webhooks set failing_since = failing_since - $2::interval where webhook = $1"
    await executed(shared_database, age, webhook, timedelta(days=2, hours=23))
    await stage.send(RedeliverEvent(position), webhook)
    await stage.settled(webhook, 1, ("failed",))
    await executed(shared_database, age, webhook, timedelta(hours=1))
    await stage.send(RedeliverEvent(position), webhook)
    assert await disabled(stage, webhook) == "failing"


async def test_the_days_of_a_receiver_before_are_not_counted(
    stage: Stage, shared_database: str, receiver: Receiver
) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url + "old", types=DEPLOYED)
    (position,) = await stage.happens()
    await stage.settled(webhook, 1, ("failed",))
    age = "update delivery.webhooks set failing_since = failing_since - $2::interval where webhook = $1"
    await executed(shared_database, age, webhook, timedelta(days=4))
    await stage.send(ChangeWebhook(url=receiver.url + "new"), webhook)
    await stage.told()
    receiver.says(500, 204)
    await stage.send(RedeliverEvent(position), webhook)
    await stage.settled(webhook, 1)


async def test_one_success_in_three_days_is_enough(stage: Stage, shared_database: str, receiver: Receiver) -> None:
    receiver.says(500, 204, 500)
    webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    await stage.happens()
    await stage.settled(webhook, 1)
    since = await stage.database.fetchval("select failing_since from delivery.webhooks where webhook = $1", webhook)
    assert since is None


async def test_in_order_none_is_sent_before_the_one_ahead_has_arrived(stage: Stage, receiver: Receiver) -> None:
    receiver.says(500, 500, 204, 500, 204)
    webhook = await stage.webhook(receiver.url, ordered=True)
    positions = await stage.happens(3)
    await stage.settled(webhook, len(positions))
    assert receiver.positions == [*[positions[0]] * 3, *[positions[1]] * 2, *positions[2:]]


async def test_in_order_it_stops_at_what_fails_for_good_and_goes_on_there_when_it_is_enabled(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url, ordered=True)
    first, *more = await stage.happens(2)
    assert await disabled(stage, webhook) == "failing"
    assert set(receiver.positions) == {first}
    records = await stage.deliveries(webhook)
    assert [record.state for record in records][:2] == ["failed", "pending"]
    receiver.says(204)
    await stage.send(EnableWebhook(), webhook)
    await stage.settled(webhook, 1 + len(more))
    assert list(dict.fromkeys(receiver.positions))[: 1 + len(more)] == [first, *more]
    assert first not in receiver.positions[receiver.positions.index(more[0]) :]


async def test_a_webhook_that_is_put_in_order_goes_on_with_the_first_that_is_left(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.says(500)
    webhook = await stage.webhook(receiver.url)
    positions = await stage.happens(2)

    async def all_tried() -> bool:
        return set(receiver.positions) >= set(positions)

    await until(all_tried)
    receiver.says(204)
    await stage.send(ChangeWebhook(ordered=True), webhook)
    await stage.settled(webhook, len(positions))


class Held:
    """Answers with a status only when it is let go, and takes everything that comes from then on."""

    def __init__(self, receiver: Receiver, status: int) -> None:
        self.go = asyncio.Event()
        self._receiver = receiver
        self._status = status
        receiver.answer = self.answer

    async def answer(self, _request: web.Request) -> web.Response:
        self._receiver.answer = self._receiver.takes
        await self.go.wait()
        return web.Response(status=self._status)

    async def came(self) -> bool:
        return bool(self._receiver.received)


async def test_a_receiver_that_its_webhook_has_moved_away_from_does_not_have_it_disabled(
    stage: Stage, receiver: Receiver
) -> None:
    held = Held(receiver, 410)
    webhook = await stage.webhook(receiver.url + "old", types=DEPLOYED)
    await stage.happens()
    await until(held.came)
    await stage.send(ChangeWebhook(url=receiver.url + "new"), webhook)
    await stage.told()
    held.go.set()
    await stage.settled(webhook, 1)
    assert [request.path for request in receiver.received] == ["/old", "/new"]


async def test_in_order_a_last_attempt_stops_nothing_where_another_one_was_asked_for_meanwhile(
    shared_database: str, receiver: Receiver
) -> None:
    async with delivering(shared_database, webhook_retries=()) as stage:
        held = Held(receiver, 500)
        webhook = await stage.webhook(receiver.url, types=DEPLOYED, ordered=True)
        (position,) = await stage.happens()
        await until(held.came)
        await stage.send(RedeliverEvent(position), webhook)
        await stage.told()
        held.go.set()
        await stage.settled(webhook, 1)


async def test_receivers_that_hang_keep_no_other_waiting(stage: Stage, receiver: Receiver) -> None:
    async def hang(request: web.Request) -> web.Response:
        if request.path.startswith("/slow"):
            await asyncio.sleep(3600)
        return web.Response(status=204)

    receiver.answer = hang
    for number in range(10):
        await stage.webhook(f"{receiver.url}slow{number}")
    quick = await stage.webhook(receiver.url + "quick")
    positions = await stage.happens(10)
    began = asyncio.get_running_loop().time()
    await stage.settled(quick, len(positions))
    took = asyncio.get_running_loop().time() - began
    print(f"{len(positions)} deliveries beside ten receivers that hang in {took:.2f} s")
    assert took < 5.0, "no attempt of the others has come to its end by then"
    of_slow = [request.path for request in receiver.received if request.path.startswith("/slow")]
    assert max(map(of_slow.count, of_slow)) <= 8


async def test_where_little_room_is_left_whoever_has_nothing_due_keeps_no_other_waiting(
    shared_database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.delivery.sending.MOST_AT_ONCE", 10)

    async def hang(request: web.Request) -> web.Response:
        if request.path == "/quick":
            return web.Response(status=204)
        return await asyncio.sleep(3600, web.Response())

    async def sent(path: str, times: int) -> None:
        async def came() -> bool:
            return sum(request.path == path for request in receiver.received) >= times

        await until(came)

    receiver.answer = hang
    async with delivering(shared_database, webhook_timeout=60.0) as stage:
        await stage.webhook(receiver.url + "full", process_key="full")
        await stage.happens(8, process="full")
        await sent("/full", 8)
        await stage.webhook(receiver.url + "idle", types=DEPLOYED, process_key="idle")
        await stage.happens(process="idle")
        await sent("/idle", 1)
        quick = await stage.webhook(receiver.url + "quick", types=DEPLOYED, process_key="quick")
        await stage.happens(process="quick")
        await stage.settled(quick, 1)


async def test_what_nobody_can_sign_is_not_sent_and_waits(shared_database: str, receiver: Receiver) -> None:
    async with delivering(shared_database) as stage:
        receiver.says(500)
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
    async with delivering(shared_database, secret_key=("another pepper of tests",)) as stage:
        await stage.happens()
        await stage.settled(webhook, 1, ("pending",))

        async def put_off() -> bool:
            (record,) = await stage.deliveries(webhook)
            assert record.next_attempt_at is not None
            return record.next_attempt_at - record.created_at > timedelta(minutes=4)

        await until(put_off)
        (record,) = await stage.deliveries(webhook)
    assert (record.attempts, record.state) == (0, "pending")
    assert receiver.received == []
