"""Applying a batch to read models: rows and positions in one transaction, and each on its own when that fails."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import structlog

from infra.following.batches import SQL, Batch, Failure
from infra.leases import Connections, Held, LeaseLost, fence
from infra.outages import is_outage, is_timeout
from projections.database import Database
from projections.read_model import ReadModel

#: The schema of the live tables.
LIVE = "read"

#: What a transaction that fills read models runs under. A lost commit loses rows and position alike, so none is waited
#: for. Plans are made anew each time, since tables are empty and full by turns; one table that somebody locked stops
#: its read model, not the others for long.
TRANSACTION = """
set local search_path = {schema};
set local synchronous_commit = off;
set local plan_cache_mode = force_custom_plan;
set local jit = off;
set local lock_timeout = '2s';
set local statement_timeout = '60s';
"""

LONGEST_ERROR = 2_000

logger = structlog.get_logger(__name__)


class Moved(Exception):
    """A read model does not stand where it was thought to: a rebuild has put new tables in place."""


@asynccontextmanager
async def filling(pool: Connections, schema: str) -> AsyncIterator[Database]:
    """Open a transaction in which plain names are tables in ``schema``."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(TRANSACTION.format(schema=schema))
        yield connection


async def apply_in_parts(batch: Batch, apply: Callable[[Batch], Awaitable[None]]) -> Failure | None:
    """Apply a batch; when that fails, apply what comes before the fact that is to blame, found by halving.

    ``apply`` does all or nothing. What is not the fault of a fact (an outage, a lost lease, ``Moved``) is passed on.
    """
    begin, size = 0, len(batch.facts)
    while True:
        part = batch.part(begin, min(begin + size, len(batch.facts)))
        try:
            await apply(part)
        except Exception as error:
            if is_outage(error) or isinstance(error, (LeaseLost, Moved)) or not part.facts:
                raise
            if len(part.facts) == 1 or is_timeout(error):
                return Failure(part.after, part.facts[0].position, error)
            size = len(part.facts) // 2
        else:
            begin += len(part.facts)
            if begin == len(batch.facts):
                return None


class Applying:
    """Applies batches to live read models as the holder of the followers' lease."""

    def __init__(self, pool: Connections, held: Held) -> None:
        self._pool = pool
        self._held = held

    async def begin(self, model: ReadModel) -> None:
        """Make the tables of a read model that is new here."""
        async with filling(self._pool, LIVE) as database:
            await fence(database, self._held)
            await database.execute(f"drop table if exists {', '.join(model.tables)}")
            await database.execute(model.schema)
            await database.execute(SQL["begin"], model.name, model.version, model.tables)

    async def apply(self, models: Collection[ReadModel], batch: Batch) -> None:
        """Apply a batch to read models that all stand at its beginning.

        Raise ``LeaseLost`` or ``Moved`` when we may not; any other error that is no outage is one of the projectors'.
        Whatever is raised, nothing has changed, unless the connection broke in the commit.
        """
        async with filling(self._pool, LIVE) as database:
            await self._advance(database, models, batch)
            for model in models:
                await project(model, batch, database)

    async def apply_alone(self, model: ReadModel, batch: Batch) -> Failure | None:
        """Apply as much of a batch as one read model takes; return what it stopped at."""
        return await apply_in_parts(batch, lambda part: self.apply((model,), part))

    async def stop(self, model: ReadModel, failure: Failure) -> None:
        """Write down, for everyone to see, at which fact a read model stopped and why."""
        text = f"{type(failure.error).__name__}: {failure.error}"[:LONGEST_ERROR].replace("\0", "")
        logger.error("a read model stopped", read_model=model.name, failed_at=failure.failed_at, error=text)
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["stop"], *self._lease, model.name, failure.position, failure.failed_at, text)

    async def _advance(self, database: Database, models: Collection[ReadModel], batch: Batch) -> None:
        names = [model.name for model in models]
        versions = [model.version for model in models]
        try:
            moved = await database.fetch(SQL["advance"], *self._lease, names, versions, batch.after, batch.upto)
        except Exception as error:
            if is_timeout(error):
                raise Moved("a rebuild is about to put new tables in place") from error
            raise
        if len(moved) < len(names):
            await fence(database, self._held)
            raise Moved(f"{names} at {batch.after}")

    @property
    def _lease(self) -> tuple[str, int]:
        return self._held.name, self._held.epoch


async def project(model: ReadModel, batch: Batch, database: Database) -> None:
    """Give a read model those facts of a batch that it looks at."""
    if facts := batch.of_interest(model):
        await model.project(facts, database)
