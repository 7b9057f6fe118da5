"""Forgetting commands after a day: from then on a repeated idempotency key is a new command."""

import asyncio
from datetime import timedelta
from typing import Any, Protocol

import structlog

KEPT = timedelta(hours=24)

#: One statement deletes this many, so that none of them holds anyone up, ...
CHUNK = 5_000

#: ... and a round, once a minute, this many at most: 3,300 a second, more than are written.
MOST_IN_A_ROUND = 200_000
ROUND_SECONDS = 60.0

PRUNE = """
with gone as (
    delete from log.commands
     where ctid = any (array(select ctid from log.commands where recorded_at < now() - $1::interval limit $2))
    returning true)
select count(*) from gone
"""

logger = structlog.get_logger(__name__)


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


async def prune(database: Database, kept: timedelta = KEPT) -> int:
    """Forget commands older than ``kept``; return how many."""
    pruned = 0
    while pruned < MOST_IN_A_ROUND:
        gone: int = await database.fetchval(PRUNE, kept, CHUNK)
        pruned += gone
        if gone < CHUNK:
            break
    return pruned


async def keep_pruning(database: Database) -> None:
    """Prune once a minute until cancelled."""
    while True:
        try:
            await prune(database)
        except Exception as error:  # noqa: BLE001  (the next round comes anyway)
            logger.warning("old commands could not be pruned", error=repr(error))
        await asyncio.sleep(ROUND_SECONDS)
