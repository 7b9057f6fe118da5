"""Deliveries of a log that has lost facts: what is gone is not sent, what comes in its place has ids of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from commands.webhooks import RedeliverEvent, ReplayEvents
from infra.delivery.scheduling import Scheduler, Step
from tests.integration.delivering import Receiver, Stage, delivering, executed, receiving, until
from tests.integration.test_continuity import SET_BACK

ERA = """
insert into log.eras (number, id, began_after, server)
select number + 1, $1, position, server from log.head cross join log.eras order by number desc limit 1
"""
SECOND, THIRD = "00000000000000a2", "00000000000000a3"

#: What waits stays where it is.
LATER = (1_000.0,)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often for what is due again."""
    monkeypatch.setattr("infra.delivery.deliveries.LOOK_EVERY", 0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_what_is_gone_is_not_sent_and_what_comes_in_its_place_is_delivered_under_other_ids(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database, webhook_retries=LATER) as stage:
        webhook = await stage.webhook(receiver.url + "stays")
        kept = await stage.happens()
        await stage.settled(webhook, len(kept))
        taken = await stage.happens()
        await stage.settled(webhook, len(kept) + len(taken))
        receiver.says(503)
        lost = await stage.webhook(receiver.url + "lost")
        waiting = range(taken[-1] + 1, (await stage.happens())[-1] + 1)  # that the other one is created is told, too
        await stage.settled(lost, 1, ["pending"])
        await stage.settled(webhook, len(waiting), ["pending"])
    await rewound(database, kept[-1])
    receiver.received.clear()
    receiver.says(204)
    async with delivering(database, webhook_retries=LATER) as stage:
        anew = await stage.happens(5)
        records = await stage.settled(webhook, len(kept) + len(taken) + len(anew))
        assert sorted(receiver.positions) == anew
        assert {request.path for request in receiver.received} == {"/stays"}, "the creation of the other one is gone"
        assert {request.id for request in receiver.received} == {f"msg_{webhook}-{place}-{SECOND}" for place in anew}
        assert [record.sequence for record in records] == list(range(1, len(records) + 1))
        states = {record.position: record.state for record in records if not record.era}
        assert set(taken) < set(anew), "positions are given again"
        assert states == {**dict.fromkeys([*kept, *taken], "delivered"), **dict.fromkeys(waiting, "lost")}
        await redelivered(stage, receiver, webhook, kept[-1], anew[0])


async def rewound(database: str, position: int) -> None:
    """Take facts out of the log, as a restore does, and have what waits be due."""
    await executed(database, SET_BACK.format(position))
    await executed(database, ERA, SECOND)
    await executed(database, "update delivery.deliveries set next_attempt_at = now() where state = 'pending'")


async def redelivered(stage: Stage, receiver: Receiver, webhook: str, kept: int, anew: int) -> None:
    """Ask for events of both eras once more: each comes under the id that it has had."""
    count = len(receiver.received)
    for position in (kept, anew):
        await stage.send(RedeliverEvent(position), webhook)
    await stage.send(ReplayEvents(kept - 1, anew), webhook)
    await stage.told()

    async def came() -> bool:
        ids = {request.id for request in receiver.received[count:]}
        return {f"msg_{webhook}-{kept}", f"msg_{webhook}-{anew}-{SECOND}"} <= ids

    await until(came)


async def test_an_era_in_which_nothing_is_lost_changes_ids_from_there_on_and_nothing_else(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url)
        first = await stage.happens()
        await stage.settled(webhook, len(first))
    await executed(database, ERA, SECOND)
    async with delivering(database) as stage:
        second = await stage.happens()
        await stage.settled(webhook, len(first) + len(second))
    await executed(database, ERA, THIRD)
    async with delivering(database) as stage:
        third = await stage.happens()
        records = await stage.settled(webhook, len(first) + len(second) + len(third))
    told = {"": first, SECOND: second, THIRD: third}
    eras = [(era, place) for era, places in told.items() for place in places]
    assert [(record.era, record.position) for record in records] == eras
    assert [record.sequence for record in records] == list(range(1, len(eras) + 1))
    assert len({request.id for request in receiver.received}) == len(receiver.received) == len(eras)
    assert len({request.event["source"] for request in receiver.received}) == 3


async def test_what_is_gone_is_not_sent_while_deliveries_do_not_know_that(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url)
        receiver.says(503)
        positions = await stage.happens()
        await stage.settled(webhook, len(positions), ["pending"])
    receiver.received.clear()
    await executed(database, SET_BACK.format(positions[0] - 1))
    await executed(database, ERA, SECOND)
    tried = asyncio.Event()

    async def fails(_scheduler: Scheduler) -> Step:
        tried.set()
        raise OSError("not now")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Scheduler, "step", fails)
        async with delivering(database):
            await tried.wait()
            await asyncio.sleep(0.3)  # six looks for what is due
    assert not receiver.received
    async with delivering(database) as stage:
        await stage.settled(webhook, len(positions), ["lost"])
    assert not receiver.received
