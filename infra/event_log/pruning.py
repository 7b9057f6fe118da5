"""Forgetting commands after a day: from then on a repeated idempotency key is a new command."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

KEPT = timedelta(hours=24)

#: One statement deletes this many, so that none of them holds anyone up, ...
CHUNK = 5_000

#: ... and rests this many times as long as it took: appends go on beside it (docs/performance.md).
REST = 4

ROUND_SECONDS = 60.0

#: What was deleted before is in the index until the next vacuum: one that does not begin after it walks over all of it.
PRUNE = """
with gone as (
    delete from log.commands
     where ctid = any (array(
               select ctid
                 from log.commands
                where recorded_at >= coalesce($1, '-infinity'::timestamptz) and recorded_at < now() - $2::interval
                order by recorded_at
                limit $3))
    returning recorded_at)
select count(*) as gone, max(recorded_at) as upto from gone
"""

logger = structlog.get_logger(__name__)


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...


class Pruner:
    """Forgets commands that were recorded longer than ``kept`` ago, by the database's clock."""

    def __init__(self, database: Database, kept: timedelta = KEPT) -> None:
        self._database = database
        self._kept = kept
        self._reached: datetime | None = None

    async def run(self) -> None:
        """Prune once a minute until cancelled."""
        while True:
            try:
                await self.prune()
            except Exception as error:  # noqa: BLE001  (the next round comes anyway)
                logger.warning("old commands could not be pruned", error=repr(error))
            await asyncio.sleep(ROUND_SECONDS)

    async def prune(self) -> int:
        """Forget all that are old enough now; return how many."""
        pruned = 0
        while True:
            began = _now()
            row = await self._database.fetchrow(PRUNE, self._reached, self._kept, CHUNK)
            gone: int = row["gone"]
            pruned += gone
            self._reached = row["upto"] or self._reached
            if gone < CHUNK:
                return pruned
            await asyncio.sleep(REST * (_now() - began))


def _now() -> float:
    return asyncio.get_running_loop().time()
