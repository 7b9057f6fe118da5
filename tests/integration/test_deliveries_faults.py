"""Nodes that die, lose their lease or meet events that nobody can read: nothing is lost, nothing is told twice over."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from commands.webhooks import DeleteWebhook, EnableWebhook, RedeliverEvent, ReplayEvents
from infra.delivery import metrics
from infra.delivery.pruning import prune
from infra.delivery.recording import Recorder
from infra.delivery.sending import Attempt
from infra.delivery.writing import Writing
from infra.embedded_postgres import EmbeddedPostgres
from infra.following.rebuilding import rebuild
from infra.leases import Held
from projections.catalogue import READ_MODELS
from tests.conftest import _database_from
from tests.integration.delivering import Receiver, delivering, executed, receiving, until
from tests.integration.exporting import exported, imported

DEPLOYED = ("process.deployed.v1",)

STEAL = """
update log.leases
   set epoch = epoch + 1, holder = 'somebody else', expires_at = now() + interval '10 minutes',
       session_pid = pg_backend_pid(), session_began_at = null
 where name = 'delivery'
"""
GIVE_BACK = "update log.leases set expires_at = '-infinity' where name = 'delivery'"

#: What is under way is lost, and another event stands at its position.
LOST = """
with lost as (
    update delivery.deliveries set era = 'gone', state = 'lost', next_attempt_at = null, schedule = 2 returning *
)
insert into delivery.deliveries (webhook, position, sequence, type, body, created_at, next_attempt_at)
select webhook, position, 0, type, body, created_at, created_at from lost;
"""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often for what is due again, and rest little; each node of a test has a name of its own."""
    monkeypatch.setattr("infra.delivery.deliveries.LOOK_EVERY", 0.05)
    monkeypatch.setattr("infra.delivery.deliveries.FIRST_REST", 0.05)
    monkeypatch.setattr("infra.delivery.deliveries.LONGEST_REST", 0.2)
    numbers = itertools.count()
    monkeypatch.setattr("api.composition.holder", lambda: f"process {next(numbers)}")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def holding(receiver: Receiver) -> asyncio.Event:
    """Have a receiver keep everyone waiting until this is set."""
    free = asyncio.Event()

    async def hold(_request: web.Request) -> web.Response:
        await free.wait()
        return web.Response(status=204)

    receiver.answer = hold
    return free


async def came(receiver: Receiver, count: int) -> None:
    async def enough() -> bool:
        return len(receiver.received) >= count

    await until(enough)


async def test_what_was_being_sent_when_a_node_ended_is_sent_again_the_same(database: str, receiver: Receiver) -> None:
    holding(receiver)
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens()
        await came(receiver, 1)
    receiver.answer = receiver.takes
    async with delivering(database) as stage:
        (record,) = await stage.settled(webhook, 1)
    assert record.attempts == 1
    assert len(receiver.received) == 2
    assert len({(request.id, request.body) for request in receiver.received}) == 1


async def test_of_two_nodes_one_delivers_and_the_other_goes_on_when_it_ends(database: str, receiver: Receiver) -> None:
    async with delivering(database) as other:
        async with delivering(database) as one:
            webhook = await one.webhook(receiver.url)
            positions = await one.happens(3)
            positions += await other.happens(3)
            await one.settled(webhook, len(positions))
            assert sorted(receiver.positions) == positions
        positions += await other.happens(3)
        records = await other.settled(webhook, len(positions))
    assert [record.sequence for record in records] == list(range(1, len(positions) + 1))
    assert sorted(receiver.positions) == positions


async def test_who_has_lost_the_lease_records_nothing_of_what_it_has_sent(database: str, receiver: Receiver) -> None:
    free = holding(receiver)
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens()
        await came(receiver, 1)
        await executed(database, STEAL)
        free.set()
        await stage.happens()
        await asyncio.sleep(0.5)
        (record,) = await stage.deliveries(webhook)
        assert (record.state, record.attempts) == ("pending", 0)
        await executed(database, GIVE_BACK)
        records = await stage.settled(webhook, 2)
    assert [record.attempts for record in records] == [1, 1]
    assert len(receiver.received) == 3


async def _written(database: str) -> tuple[str, list[int]]:
    """Have a webhook, and then events that are not scheduled yet."""
    async with delivering(database) as stage:
        webhook = await stage.webhook("http://127.0.0.1:1/")
        await stage.told()
    async with delivering(database, roles=("executor",)) as stage:
        return webhook, await stage.happens(3)


@pytest.mark.parametrize("damage", ["topic = 'nobody.knows.v9'", "state = '{\"id\": 1'"], ids=["topic", "state"])
async def test_an_event_that_cannot_be_read_stops_what_is_told_there_for_all_to_see_until_it_can(
    database: str, damage: str
) -> None:
    webhook, positions = await _written(database)
    bad = positions[len(positions) // 2]
    await executed(database, "create table kept as select * from log.events where notification_id = $1", bad)
    await executed(database, f"update log.events set {damage} where notification_id = $1", bad)
    async with delivering(database) as stage:

        async def stopped() -> bool:
            rows = await stage.database.fetch("select position, failed_at from delivery.progress")
            return [tuple(row) for row in rows] == [(bad - 1, bad)]

        await until(stopped)
        await stage.happens()
        (report,) = [report for report in stage.node.duties.reports() if report.role == "delivery"]
        assert (report.state, f"position {bad}:" in report.trouble) == ("standing", True)

        async def measured() -> bool:
            return bool(metrics.STALLED._value.get())

        await until(measured)
        assert [record.position for record in await stage.deliveries(webhook)] == [p for p in positions if p < bad]
        mend = (
            "update log.events set topic = kept.topic, state = kept.state from kept"
            " where events.notification_id = kept.notification_id"
        )
        await executed(database, mend)
        await stage.told()
        scheduled = [record.position for record in await stage.deliveries(webhook)]
        assert scheduled[: len(positions)] == positions

        async def going() -> bool:
            reports = {report.role: report.state for report in stage.node.duties.reports()}
            return reports["delivery"] == "going"

        await until(going)


async def test_an_event_that_nobody_wants_stops_nothing_though_it_cannot_be_read(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.told()
    async with delivering(database, roles=("executor",)) as stage:
        positions = await stage.happens(2)
    unknown = "update log.events set topic = 'nobody.knows.v9' where notification_id = $1"
    await executed(database, unknown, positions[1])
    async with delivering(database) as stage:
        await stage.told()
        await stage.settled(webhook, 1)


async def damaged(database: str, position: int) -> None:
    """Have nobody be able to read an event."""
    await executed(database, "create table kept as select * from log.events where notification_id = $1", position)
    unknown = "update log.events set topic = 'process.deployed.v9' where notification_id = $1"
    await executed(database, unknown, position)


async def mended(database: str) -> None:
    mend = "update log.events as e set topic = kept.topic from kept where e.notification_id = kept.notification_id"
    await executed(database, mend)


async def test_a_replay_stands_before_an_event_that_cannot_be_read_for_all_to_see_and_goes_on_when_it_can(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        positions = [position for _ in range(3) for position in await stage.happens()]
        webhook = await stage.webhook(receiver.url, types=("process.*",))
        await stage.told()
    await damaged(database, positions[1])
    with capture_logs() as said:
        async with delivering(database) as stage:
            await stage.send(ReplayEvents(0, positions[-1]), webhook)
            await stage.settled(webhook, 1)

            async def counted() -> bool:
                return bool(metrics.REPLAYS_STALLED._value.get())

            await until(counted)
            positions += await stage.happens()  # others are not kept waiting
            await stage.settled(webhook, 2)
            await asyncio.sleep(0.5)  # ten looks, or some on a slow machine
            assert sorted(receiver.positions) == [positions[0], positions[-1]]
            await mended(database)
            await stage.settled(webhook, 4)
            assert metrics.REPLAYS_STALLED._value.get() == 0
    told = [line for line in said if line["event"] == "a replay stands before an event that cannot be read"]
    assert [(line["log_level"], line["webhook"], line["position"]) for line in told] == [
        ("error", webhook, positions[1])
    ]
    assert sorted(receiver.positions) == positions


async def test_what_was_scheduled_is_delivered_on_request_though_its_event_cannot_be_read_and_the_rest_is_told(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        early = await stage.happens()
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens()
        (record,) = await stage.settled(webhook, 1)
    await executed(database, "update log.events set topic = 'process.deployed.v9' where topic = 'process.deployed.v1'")
    with capture_logs() as said:
        async with delivering(database) as stage:
            for position in (early[0], record.position):
                await stage.send(RedeliverEvent(position), webhook)
            await came(receiver, 2)
    assert len({(request.id, request.body) for request in receiver.received}) == 1
    told = [line for line in said if line["event"] == "an event cannot be delivered on request"]
    assert [(line["log_level"], line["position"]) for line in told] == [("error", early[0])]


async def test_figures_are_of_what_is_under_way_and_who_delivers_no_more_has_none(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        free = holding(receiver)
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens()
        await came(receiver, 1)
        assert metrics.UNDER_WAY._value.get() == 1
        free.set()
        await stage.settled(webhook, 1)

        async def over() -> bool:
            return not metrics.UNDER_WAY._value.get()

        await until(over)
        metrics.STALLED.set(1)
        metrics.OVERDUE.set(1_000)
    assert (metrics.STALLED._value.get(), metrics.OVERDUE._value.get()) == (0, 0)


async def test_a_rebuild_of_every_read_model_delivers_nothing(database: str, receiver: Receiver) -> None:
    async with delivering(database, roles=("delivery", "followers")) as stage:
        webhook = await stage.webhook(receiver.url)
        positions = await stage.happens(3)
        await stage.settled(webhook, len(positions))
        await stage.node.reading.caught_up([model.name for model in READ_MODELS])
        for model in READ_MODELS:
            await rebuild(stage.node.pools.followers, model, "a rebuild of the test")
        await stage.told()
        assert [record.attempts for record in await stage.deliveries(webhook)] == [1] * len(positions)
    assert sorted(receiver.positions) == positions


async def test_what_is_imported_is_not_delivered_but_what_happens_from_then_on_is(
    database: str,
    postgres_server: EmbeddedPostgres,
    migrated_template: str,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens(2)
        await stage.settled(webhook, 1)
    await exported(database, tmp_path / "log")
    async for target in _database_from(postgres_server, migrated_template):
        await imported(target, (tmp_path / "log").read_bytes().splitlines(keepends=True))
        async with delivering(target) as stage:
            (position,) = await stage.happens()
            (record,) = await stage.settled(webhook, 1)
    assert (record.position, record.sequence) == (position, 1)
    assert len(receiver.received) == 2


async def test_connections_that_break_cost_nothing(database: str, receiver: Receiver) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        positions: list[int] = []
        for _ in range(5):
            positions += await stage.happens()
            await executed(
                database,
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'annals followers' and datname = current_database()",
            )
        records = await stage.settled(webhook, len(positions))
    assert [record.position for record in records] == positions
    assert [record.sequence for record in records] == list(range(1, len(positions) + 1))
    assert {(request.id, request.body) for request in receiver.received} == {
        (f"msg_{webhook}-{request.event['id']}", request.body) for request in receiver.received
    }


async def test_an_attempt_whose_record_may_have_come_through_is_counted_once(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks in a commit leaves open what has become of it: it is written again."""
    write, broken = Recorder._write, False

    async def breaking(recorder: Recorder, attempts: Sequence[Attempt]) -> None:
        nonlocal broken
        await write(recorder, attempts)
        if attempts and not broken:
            broken = True
            raise ConnectionError("no answer to the commit")

    monkeypatch.setattr(Recorder, "_write", breaking)
    receiver.says(500, 204)
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        (position,) = await stage.happens()
        await stage.settled(webhook, 1)
        record, attempts = await stage.delivery(webhook, position)
    assert broken
    assert (record.attempts, [attempt.outcome for attempt in attempts]) == (2, ["status", "delivered"])


async def test_what_came_to_its_end_a_month_ago_is_forgotten_and_what_waits_is_not(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        for number in range(3):
            await stage.happens()
            await stage.settled(webhook, number + 1)
        receiver.says(500)
        waiting = await stage.happens()
        await came(receiver, 4)
        before = await stage.deliveries(webhook)
    ended = before[1].last_attempt_at
    assert ended is not None
    moment = ended + timedelta(days=30, microseconds=1)
    async with delivering(database, roles=("executor",)) as stage:
        epoch = await stage.database.fetchval("select epoch from log.leases where name = 'delivery'")
        writing = Writing(stage.node.pools.followers, Held("delivery", epoch))
        assert await prune(writing, moment) == 2
        assert await prune(writing, moment + timedelta(days=30)) == 1
        assert [record.position for record in await stage.deliveries(webhook)] == waiting
        attempts = await stage.database.fetch("select distinct position from delivery.attempts")
        assert [row["position"] for row in attempts] in ([], waiting)


async def test_what_waited_for_a_month_can_be_asked_for_when_it_has_failed(database: str, receiver: Receiver) -> None:
    receiver.says(500)
    async with delivering(database, webhook_retries=()) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        (position,) = await stage.happens()
        await stage.settled(webhook, 1, ("failed",))
        await executed(database, "update delivery.deliveries set created_at = created_at - interval '40 days'")
    async with delivering(database) as stage:  # the first thing that a node does is to forget
        receiver.says(204)
        await stage.send(RedeliverEvent(position), webhook)
        (record,) = await stage.settled(webhook, 1)
    assert (record.attempts, record.sequence) == (2, 1)


async def test_what_an_ordered_webhook_is_stuck_at_is_kept_until_it_goes_on(database: str, receiver: Receiver) -> None:
    receiver.says(500)
    async with delivering(database, webhook_retries=()) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED, ordered=True)
        positions = await stage.happens()

        async def disabled() -> bool:
            return bool(await stage.database.fetch("select from delivery.webhooks where not active"))

        await until(disabled)
        (stuck,) = await stage.deliveries(webhook)
    async with delivering(database, roles=("executor",)) as stage:
        epoch = await stage.database.fetchval("select epoch from log.leases where name = 'delivery'")
        writing = Writing(stage.node.pools.followers, Held("delivery", epoch))
        assert await prune(writing, stuck.created_at + timedelta(days=40)) == 0
    receiver.says(204)
    async with delivering(database) as stage:
        await stage.send(EnableWebhook(), webhook)
        positions += await stage.happens()
        await stage.settled(webhook, 2)
    assert receiver.positions[-2:] == positions


async def test_an_attempt_at_what_the_log_has_lost_since_stops_nothing_at_what_has_come_in_its_place(
    database: str, receiver: Receiver
) -> None:
    free = asyncio.Event()

    async def refuse(_request: web.Request) -> web.Response:
        await free.wait()
        receiver.says(204)
        return web.Response(status=500)

    receiver.answer = refuse
    async with delivering(database, webhook_retries=()) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED, ordered=True)
        await stage.happens()
        await came(receiver, 1)
        await executed(database, LOST)
        free.set()
        await stage.happens()
        records = await stage.settled(webhook, 2)
    assert [(record.sequence, record.state) for record in records] == [(0, "delivered"), (1, "lost"), (2, "delivered")]


async def test_everything_of_a_deleted_webhook_is_forgotten(database: str, receiver: Receiver) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.happens()
        await stage.settled(webhook, 1)
        await stage.send(DeleteWebhook(), webhook)
        await stage.told()
    async with delivering(database) as stage:  # the first thing that a node does is to forget

        async def forgotten() -> bool:
            return not await stage.database.fetchval("select count(*) from delivery.webhooks")

        await until(forgotten)
        assert await stage.deliveries(webhook) == []


async def test_a_log_that_has_lost_what_was_told_stops_what_is_told_for_all_to_see(
    database: str, receiver: Receiver
) -> None:
    async with delivering(database) as stage:
        webhook = await stage.webhook(receiver.url, types=DEPLOYED)
        await stage.told()
        before = await stage.database.fetchval("select position from delivery.progress")
        await executed(database, "update delivery.progress set position = 1000000")
        await stage.happens()

        async def standing() -> bool:
            (report,) = [report for report in stage.node.duties.reports() if report.role == "delivery"]
            return report.state == "standing" and "deliveries are scheduled up to 1000000" in report.trouble

        await until(standing)
        assert await stage.deliveries(webhook) == []
        await executed(database, "update delivery.progress set position = $1", before)
        await stage.settled(webhook, 1)


async def test_a_replay_of_much_is_taken_in_steps_and_leaves_room_for_what_happens(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.delivery.stretches.MOST_EVENTS", 10)
    monkeypatch.setattr("infra.delivery.scheduling.MOST_WAITING", 5)
    async with delivering(database) as stage:
        early = await stage.happens(10)
        webhook = await stage.webhook(receiver.url)
        await stage.send(ReplayEvents(0, early[-1]), webhook)
        late = await stage.happens(2)
        wanted = {*early, *late}

        async def all_came() -> bool:
            return wanted <= {
                record.position for record in await stage.deliveries(webhook) if record.state != "pending"
            }

        await until(all_came)
        assert not await stage.database.fetch("table delivery.replays")
