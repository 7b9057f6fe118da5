"""Commands are forgotten after a day, not before, and at a cost that does not grow with how many are kept."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from infra.event_log.pruning import CHUNK, KEPT, PRUNE, Pruner
from tests.integration.appending import connected, context, decision, instance, open_log

#: So many commands, some of them old: every page of the table has both.
MIXED = """
insert into log.commands (command_id, attempt, position, recorded_at, fingerprint)
select 'command ' || n, n, n, now() - case when n % $2 = 0 then interval '25 hours' else interval '1 hour' end, ''
  from generate_series(1, $1::integer) as n
"""

OLD = "select count(*) from log.commands where recorded_at < now() - interval '24 hours'"


async def test_commands_are_forgotten_after_a_day_and_not_before(database: str) -> None:
    async with open_log(database) as log, connected(database) as connection:
        for number in range(1, 4):
            await log.append(decision(instance(number), 0), context(f"command {number}"))
        await connection.execute(
            "update log.commands set recorded_at = now() - interval '24 hours 1 second' where position < 3"
        )
        assert await Pruner(connection).prune() == 2
        assert await log.find_command("command 2") is None
        assert await log.find_command("command 3") is not None
        assert await Pruner(connection, timedelta(0)).prune() == 1


async def test_more_than_one_statement_deletes_are_forgotten_in_one_round(database: str) -> None:
    async with connected(database) as connection:
        await connection.execute(MIXED, 3 * CHUNK, 1)
        assert await Pruner(connection).prune() == 3 * CHUNK


async def test_a_second_round_forgets_what_has_become_old_since_the_first(database: str) -> None:
    async with connected(database) as connection:
        pruner = Pruner(connection)
        await connection.execute(MIXED, 10, 1)
        assert await pruner.prune() == 10
        await connection.execute(
            "insert into log.commands (command_id, attempt, position, recorded_at, fingerprint)"
            " values ('later', 1, 1, now() - interval '24 hours 1 second', '')"
        )
        assert await pruner.prune() == 1


async def test_nodes_that_prune_at_the_same_time_forget_everything_once(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        await one.execute(MIXED, 4 * CHUNK, 1)
        pruners = [Pruner(one), Pruner(other)]
        assert sum(await asyncio.gather(*(pruner.prune() for pruner in pruners))) <= 4 * CHUNK
        for pruner in pruners:
            await pruner.prune()
        assert await one.fetchval("select count(*) from log.commands") == 0


async def test_looking_for_old_commands_reads_no_page_that_has_none_of_them(database: str) -> None:
    async with connected(database) as connection:
        await connection.execute(MIXED, 100_000, 10_000)
        await connection.execute("vacuum analyze log.commands")
        explained = await connection.fetchval(f"explain (analyze, buffers, format json) {PRUNE}", None, KEPT, CHUNK)
        pages = await connection.fetchval("select pg_relation_size('log.commands') / 8192")
    assert pages > 900
    assert pages_read(explained) < 150, "ten old commands, a few pages for each: its own, and those of the index"


def pages_read(explained: str) -> int:
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_a_statement_rests_several_times_as_long_as_it_took(database: str) -> None:
    async with connected(database) as connection:
        await connection.execute(MIXED, 5 * CHUNK, 1)
        busy = Busy(connection)
        began = asyncio.get_running_loop().time()
        await Pruner(busy).prune()
        took = asyncio.get_running_loop().time() - began
    assert busy.seconds < took / 3


class Busy:
    """A connection that adds up how long its statements take."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.seconds = 0.0

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        began = asyncio.get_running_loop().time()
        try:
            return await self._connection.fetchrow(query, *args)
        finally:
            self.seconds += asyncio.get_running_loop().time() - began
