"""A log that has lost facts is told from one that has not, and nothing that rests on what it lost is appended to it."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.rejection import Unavailable
from infra.event_log.continuity import Continuity, LogRewound
from infra.event_log.log import EventLog
from infra.leases import LeaseLost, acquire, fence, release
from tests.integration.appending import connected, context, decision, instance, open_log, passed

#: What the database is like that was set back to a position: restored from a backup, or a replica that lagged behind.
SET_BACK = """
delete from log.events where notification_id > {0};
delete from log.commands where position > {0};
update log.head set position = {0};
update log.streams as s
   set version = coalesce((select max(originator_version) from log.events where originator_id = s.stream), 0);
"""

CUT = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'annals writer'"

ERAS = "select number, began_after from log.eras order by number"


async def filled(log: EventLog, facts: int) -> None:
    for number in range(1, facts + 1):
        await log.append(decision(instance(number), 0, passed()), context())


async def asked(log: EventLog, dsn: str) -> None:
    async with connected(dsn) as connection:
        await log.continuity.check(connection)


@pytest.mark.parametrize("others", [0, 2, 5])
async def test_lost_facts_are_noticed_also_when_others_are_in_their_places(database: str, others: int) -> None:
    async with open_log(database) as log, connected(database) as connection:
        await filled(log, 4)
        await asked(log, database)
        await connection.execute(SET_BACK.format(2))
        async with open_log(database) as restarted:
            for number in range(others):
                await restarted.append(decision(instance(50 + number), 0, passed()), context())
        for _ in range(2):
            with pytest.raises(LogRewound, match="without what was at 4"):
                await asked(log, database)
        assert [tuple(row) for row in await connection.fetch(ERAS)] == [(1, 0), (2, 2 + others)]


async def test_a_process_that_knew_nothing_of_what_was_lost_ends_too_when_another_has_begun_an_era(
    database: str,
) -> None:
    """It calls what comes by the name of the era before, and would take the number of this one for the next."""
    async with open_log(database) as log, connected(database) as connection:
        await filled(log, 4)
        await connection.execute(SET_BACK.format(2))
        async with open_log(database) as restarted:
            with pytest.raises(LogRewound):
                await asked(log, database)
            for _ in range(2):
                with pytest.raises(LogRewound, match="an era of the log has begun"):
                    await asked(restarted, database)
        assert [tuple(row) for row in await connection.fetch(ERAS)] == [(1, 0), (2, 2)]


async def test_a_lease_that_was_given_before_an_era_is_none_in_it_though_epochs_went_back_too(database: str) -> None:
    """A replica may lack the last change of hands: the next holder would have the epoch of one that nobody knows of."""
    async with open_log(database) as log, connected(database) as connection:
        await filled(log, 4)
        first = await acquire(connection, "role", "the first")
        assert first is not None
        await release(connection, first)
        second = await acquire(connection, "role", "the second")
        assert second is not None
        await connection.execute(SET_BACK.format(2))
        back = "update log.leases set epoch = $1, holder = 'the first', expires_at = '-infinity'"
        await connection.execute(back, first.epoch)
        with pytest.raises(LogRewound):
            await asked(log, database)
        third = await acquire(connection, "role", "the third")
        assert third is not None
        assert third.epoch > second.epoch
        async with connection.transaction():
            await fence(connection, third)
            with pytest.raises(LeaseLost):
                await fence(connection, second)


async def test_what_a_process_has_only_read_is_missed_too(database: str) -> None:
    async with open_log(database) as log, open_log(database) as other, connected(database) as connection:
        await filled(other, 3)
        await log.read(instance(3))
        await connection.execute(SET_BACK.format(2))
        with pytest.raises(LogRewound):
            await asked(log, database)


async def test_a_snapshot_that_was_loaded_is_missed_too(database: str) -> None:
    async with open_log(database) as log, connected(database) as connection:
        async with open_log(database) as other:
            await filled(other, 3)
        await connection.execute("insert into log.snapshots values ($1, 1, 'shape', '')", instance(3))
        assert await log.load_snapshot(instance(3), "shape") is not None
        await connection.execute(SET_BACK.format(2))
        with pytest.raises(LogRewound):
            await asked(log, database)


async def test_nothing_is_appended_to_a_log_that_was_set_back_while_the_connection_was_broken(database: str) -> None:
    async with open_log(database, patience=1.0) as log, connected(database) as connection:
        await filled(log, 3)
        await connection.execute(SET_BACK.format(2))
        async with open_log(database) as restarted:
            await restarted.append(decision(instance(3), 0, passed()), context())
        await connection.execute(CUT)
        with pytest.raises(Unavailable):
            await log.append(decision(instance(3), 1, passed()), context())
        assert await connection.fetchval("select position from log.head") == 3


async def test_a_server_that_only_was_restarted_or_cut_us_off_is_the_same(database: str) -> None:
    async with open_log(database) as log, connected(database) as connection:
        await filled(log, 3)
        await connection.execute(CUT)
        assert await log.append(decision(instance(9), 0, passed()), context()) == 4
        await asked(log, database)
        assert [tuple(row) for row in await connection.fetch(ERAS)] == [(1, 0)]


async def test_another_server_or_timeline_is_noticed_and_is_a_new_era_for_who_comes_then(database: str) -> None:
    async with open_log(database) as log:
        await filled(log, 3)
        first = log.continuity.era
        moved = Moved(log)
        with pytest.raises(LogRewound, match="another server or timeline"):
            await log.continuity.check(moved)
        continuity = Continuity()
        await continuity.begin(moved)
        async with connected(database) as connection:
            assert [tuple(row) for row in await connection.fetch(ERAS)] == [(1, 0), (2, 3)]
        assert continuity.era not in ("", first)


class Moved:
    """The database of a log as it would be on another timeline."""

    def __init__(self, log: EventLog) -> None:
        self._database: Any = log._database

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        value = await self._database.fetchval(query, *args)
        return f"{value}, later" if isinstance(value, str) else value

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        row = await self._database.fetchrow(query, *args)
        return {**row, "server": f"{row['server']}, later"} if "at_head" in row else row


async def test_many_nodes_that_begin_at_once_begin_one_era(database: str) -> None:
    with capture_logs() as said:
        logs = [open_log(database) for _ in range(8)]
        opened = await asyncio.gather(*(log.__aenter__() for log in logs))
        assert len({log.continuity.era for log in opened}) == 1
        await asyncio.gather(*(log.__aexit__(None, None, None) for log in logs))
    assert not [line for line in said if line["log_level"] == "critical"]
