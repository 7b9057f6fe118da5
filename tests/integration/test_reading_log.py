"""Reading the log: streams, everything in order, snapshots, and what cannot be read."""

from collections.abc import AsyncIterator

import pytest

from commands.context import Snapshot
from infra.event_log.log import EventLog, UnreadablePosition
from tests.integration.appending import connected, context, decision, instance, open_log, passed

UNKNOWN = "update log.events set topic = 'job.juggled.v9' where notification_id = $1"
DAMAGED = "update log.events set state = '{\"id\":' where notification_id = $1"


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


async def test_a_stream_is_read_from_a_version_on(log: EventLog) -> None:
    await log.append(decision(instance(1), 0, passed(1), passed(2), passed(3)), context())
    assert [fact.version for fact in await log.read(instance(1), after=1)] == [2, 3]
    assert await log.read(instance(2)) == []


async def test_everything_is_read_in_pages_after_a_position(log: EventLog) -> None:
    for number in range(1, 6):
        await log.append(decision(instance(number), 0, passed(), passed()), context())
    assert await log.head() == 10
    assert [fact.position for fact in await log.read_all(0, 4)] == [1, 2, 3, 4]
    assert [fact.position for fact in await log.read_all(8, 4)] == [9, 10]
    assert await log.read_all(10, 4) == []


@pytest.mark.parametrize(("damage", "topic"), [(UNKNOWN, "job.juggled.v9"), (DAMAGED, "element.passed.v1")])
async def test_a_reader_gets_everything_before_a_fact_that_cannot_be_read_and_then_its_name(
    log: EventLog, database: str, damage: str, topic: str
) -> None:
    await log.append(decision(instance(1), 0, passed(), passed(), passed()), context())
    async with connected(database) as connection:
        await connection.execute(damage, 3)
    assert [fact.position for fact in await log.read_all(0, 10)] == [1, 2]
    with pytest.raises(UnreadablePosition, match="position 3") as unreadable:
        await log.read_all(2, 10)
    assert (unreadable.value.position, unreadable.value.topic) == (3, topic)
    with pytest.raises(UnreadablePosition):
        await log.read(instance(1))


async def test_a_snapshot_is_given_back_until_its_state_has_another_shape(log: EventLog) -> None:
    assert await log.load_snapshot(instance(1), "shape-1") is None
    await log.save_snapshot(instance(1), "shape-1", Snapshot(40, b"forty"))
    await log.save_snapshot(instance(1), "shape-1", Snapshot(30, b"late"))
    assert await log.load_snapshot(instance(1), "shape-1") == Snapshot(40, b"forty")
    assert await log.load_snapshot(instance(1), "shape-2") is None
    await log.save_snapshot(instance(1), "shape-2", Snapshot(35, b"other"))
    assert await log.load_snapshot(instance(1), "shape-2") == Snapshot(35, b"other")
