"""The log that benchmarks write in bulk is one that commands might have left (bench/multiplying.py)."""

from datetime import timedelta
from itertools import pairwise

import asyncpg

from bench.filling import MODELS
from bench.multiplying import Copies, recorded
from infra.clock import Clock
from infra.event_log.rebuilding import differences

COPIES, INSTANCES = 3, 20

#: Streams that are not 1..n, or whose end is not where the log says.
BROKEN = """
select originator_id from log.events group by originator_id
having min(originator_version) <> 1 or max(originator_version) <> count(*)
    or max(originator_version) is distinct from (select version from log.streams where stream = originator_id)
"""
STREAMS = "select split_part(originator_id, '-', 1) as kind, count(distinct originator_id) from log.events group by 1"


async def test_copies_of_lives_make_a_log_that_is_whole(database: str) -> None:
    recording = await recorded(INSTANCES, lambda _: None)
    connection = await asyncpg.connect(database)
    try:
        begin, told = Clock().wall() - timedelta(days=1), list[int]()
        head = await Copies(connection, recording, begin, timedelta(hours=5)).write(COPIES, told.append)
        assert told == [1, 2, 3]
        positions = await connection.fetch("select notification_id, happened_at from log.events order by 1")
        assert [row["notification_id"] for row in positions] == list(range(1, head + 1))
        assert all(one["happened_at"] <= other["happened_at"] for one, other in pairwise(positions))
        assert await connection.fetch(BROKEN) == []
        incidents = INSTANCES // 10 * COPIES
        assert {row["kind"]: row["count"] for row in await connection.fetch(STREAMS)} == {
            "process": len(MODELS),
            "instance": INSTANCES * COPIES,
            "incident": incidents,
        }
        assert await connection.fetchval("select count(*) from log.open_incidents") == incidents // 2
        assert await differences(connection) == []
    finally:
        await connection.close()
