"""Tables of a read model beside the live ones, filled from the log, for a rebuild or for a comparison."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import msgspec
import structlog

from infra.following.applying import apply_in_parts, filling, project
from infra.following.batches import SQL, Batch, Bounds, Failure, read_batch
from infra.leases import Connections, Held, LeaseLost, fence
from infra.outages import is_outage
from projections.database import Database
from projections.read_model import ReadModel

#: Called with the position that has been reached and the one that has to be.
OnProgress = Callable[[int, int], None]

#: Tables that lack no more facts than this are brought level in a moment.
CLOSE = 1_000

#: While facts are appended, whoever fills tables from the beginning rests after each batch so many times as long as it
#: took: what filling takes of the machine, commands lack. What was appended meanwhile is filled in without rests: the
#: end is reached however fast the log grows.
REST = 2.0

BOUNDS = Bounds()

logger = structlog.get_logger(__name__)


class FactRefused(Exception):
    """A fact cannot be read or applied."""

    def __init__(self, model: ReadModel, failure: Failure) -> None:
        super().__init__(f"{model.name} cannot apply the fact at {failure.failed_at}: {failure.error!r}")
        self.failure = failure


class TablesLost(LeaseLost):
    """The tables are not as far as they were: the database has crashed or failed over, and lacks the last commits."""


class Live(msgspec.Struct, frozen=True):
    """The live tables as their followers know them; ``version`` is 0 while there are none."""

    version: int = 0
    tables: tuple[str, ...] = ()
    position: int = 0


class Beside:
    """The tables, from entering the context until leaving it; ``position`` is how far they are filled.

    Everything it writes, it writes as the holder of the lease on the rebuild of this read model.
    """

    def __init__(self, pool: Connections, model: ReadModel, held: Held) -> None:
        self.model = model
        self.schema = schema_name(model.name)
        self.position = 0
        self._head = 0
        self._pool = pool
        self._held = held

    async def __aenter__(self) -> Self:
        await drop(self._pool, self.model.name, self._held)
        async with self.filling() as database:
            await fence(database, self._held)
            await database.execute(f"create schema {self.schema}")
            await database.execute(self.model.schema)
            await database.execute(SQL["begin_rebuild"], self.model.name, self.model.version)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await drop(self._pool, self.model.name, self._held)
        except Exception as failure:
            if not is_outage(failure) and not isinstance(failure, LeaseLost):
                raise
            logger.warning("left tables of a rebuild behind", schema=self.schema, error=repr(failure))

    def filling(self) -> AbstractAsyncContextManager[Database]:
        """Open a transaction in which the read model's table names mean these tables."""
        return filling(self._pool, self.schema)

    async def head(self) -> int:
        async with self._pool.acquire() as connection:
            position: int = await connection.fetchval(SQL["head"])
            return position

    async def fill(self, upto: int, on_progress: OnProgress | None = None) -> None:
        """Apply everything up to a position, in batches; raise ``FactRefused`` when that cannot be done."""
        from_the_beginning = not self.position
        while self.position < upto:
            began = _now()
            async with self._pool.acquire() as connection:
                batch = await read_batch(connection, (self.model,), self.position, upto, BOUNDS)
            failure = await apply_in_parts(batch, self._apply) or batch.unreadable
            if failure is not None:
                raise FactRefused(self.model, failure)
            if on_progress is not None:
                on_progress(self.position, upto)
            if from_the_beginning and await self._log_grows():
                await asyncio.sleep(REST * (_now() - began))

    async def apply_all(self, database: Database, upto: int) -> None:
        """Apply everything up to a position in the given transaction; ``position`` does not change."""
        position = self.position
        while position < upto:
            batch = await read_batch(database, (self.model,), position, upto, BOUNDS)
            await project(self.model, batch, database)
            if batch.unreadable is not None:
                raise FactRefused(self.model, batch.unreadable)
            position = batch.upto

    async def live(self, database: Database, *, lock: bool = False) -> Live:
        """Look at the live tables' row; locked, their followers wait until the transaction ends."""
        row = await database.fetchrow(SQL["live_locked" if lock else "live"], self.model.name)
        return Live() if row is None else Live(row["version"], tuple(row["tables"]), row["position"])

    async def advance(self, database: Database, upto: int) -> None:
        """Move the tables' row; raise ``TablesLost`` where they do not stand where this process has left them."""
        if await database.fetchval(SQL["advance_rebuild"], self.model.name, upto, self.position) is None:
            raise TablesLost(f"a part of the rebuild of {self.model.name} is lost: it has to begin anew")

    async def _log_grows(self) -> bool:
        """Tell whether facts were appended since this was asked last."""
        before, self._head = self._head, await self.head()
        return self._head > before > 0

    async def _apply(self, batch: Batch) -> None:
        async with self.filling() as database:
            await fence(database, self._held)
            await self.advance(database, batch.upto)
            await project(self.model, batch, database)
        self.position = batch.upto


def lease_name(name: str) -> str:
    return f"rebuild of {name}"


def schema_name(name: str) -> str:
    return f"rebuild_{name}"


async def drop(pool: Connections, name: str, held: Held) -> None:
    """Take the tables of a rebuild away, unless the lease was lost: they may be another's by now."""
    async with pool.acquire() as connection, connection.transaction():
        await fence(connection, held)
        await connection.execute(f"drop schema if exists {schema_name(name)} cascade")
        await connection.execute(SQL["end_rebuild"], name)


def _now() -> float:
    return asyncio.get_running_loop().time()
