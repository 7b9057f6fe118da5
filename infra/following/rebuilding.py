"""Rebuilding a read model beside the live one, and swapping the two when level.

The new tables are filled in the schema ``rebuild_<name>`` while the live ones are read and followed as ever, by this
process or another. A lease of the rebuild's own keeps a second one away; the swap is one short transaction that first
locks the read model's row in ``log.followers``, as each batch of the followers does. Whoever follows finds the row as
it left it, or finds that it has moved and looks again.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from infra.following.applying import LIVE
from infra.following.batches import SQL
from infra.following.beside import CLOSE, Beside, OnProgress, drop, lease_name
from infra.leases import Connections, Held, Lease, LeaseLost, fence
from infra.outages import is_timeout
from projections.database import Database
from projections.read_model import ReadModel

#: How often a swap waits for the readers of the live tables, and its rest between, in seconds. It holds the followers
#: up while it waits, but must wait for longer than a second: only then does an autovacuum make way.
SWAP_ATTEMPTS = 10
SWAP_PATIENCE = "set local lock_timeout = '1500ms'"
SWAP_REST = 1.0

logger = structlog.get_logger(__name__)


async def rebuild(pool: Connections, model: ReadModel, holder: str, on_progress: OnProgress | None = None) -> None:
    """Build a read model anew from the log, beside the live one, and put it in its place.

    ``holder`` names this process. Cancelled or failed, it leaves the live tables as they are and takes its own away.
    Raise ``LeaseTaken`` when this read model is being rebuilt elsewhere, ``FactRefused`` when a fact stops it.
    """

    async def work(held: Held) -> None:
        async with Beside(pool, model, held) as beside:
            while not await _level(beside, on_progress) or not await _swapped(beside, held):
                pass

    await Lease(pool, lease_name(model.name), holder).once(work)
    logger.info("rebuilt a read model", read_model=model.name, version=model.version)


async def clean_abandoned(pool: Connections, holder: str) -> list[str]:
    """Take away what rebuilds left whose process is gone; return their read models' names."""
    async with pool.acquire() as connection:
        names = [row["name"] for row in await connection.fetch(SQL["rebuilds"])]
    return [name for name in names if await _cleaned(pool, name, holder)]


async def _cleaned(pool: Connections, name: str, holder: str) -> bool:
    try:
        await Lease(pool, lease_name(name), holder).once(partial(drop, pool, name))
    except LeaseLost:
        return False  # somebody is at it
    return True


async def _level(beside: Beside, on_progress: OnProgress | None) -> bool:
    """Fill the tables up to the head of the log as it is now; tell whether they are still close to it then."""
    await beside.fill(await beside.head(), on_progress)
    return await beside.head() - beside.position <= CLOSE


async def _swapped(beside: Beside, held: Held) -> bool:
    """Put the new tables in place; tell whether it was done: not when the live ones have come too far meanwhile."""
    async with beside.filling() as database:
        await database.execute(f"analyze {', '.join(beside.model.tables)}")
    for _ in range(SWAP_ATTEMPTS):
        try:
            async with beside.filling() as database:
                await database.execute(SWAP_PATIENCE)
                await fence(database, held)
                live = await beside.live(database, lock=True)
                # Live tables may be ahead of the log: then it has lost facts, and the rebuild is to get rid of those.
                wanted = min(live.position, await database.fetchval(SQL["head"]))
                if wanted - beside.position > CLOSE:
                    return False
                await _swap(beside, live.tables, max(wanted, beside.position), database)
                return True
        except Exception as error:
            if not is_timeout(error):
                raise
            logger.info("waiting for readers of the live tables", read_model=beside.model.name)
        await asyncio.sleep(SWAP_REST)
    return False


async def _swap(beside: Beside, old_tables: Sequence[str], position: int, database: Database) -> None:
    """Exchange the tables and move the read model's row, in the given transaction, which holds the row's lock."""
    model = beside.model
    await beside.advance(database, position)
    await beside.apply_all(database, position)
    for table in {*old_tables, *model.tables}:
        await database.execute(f"drop table if exists {LIVE}.{table}")
    for table in model.tables:
        await database.execute(f"alter table {beside.schema}.{table} set schema {LIVE}")
    await database.execute(SQL["put_in_place"], model.name, model.version, model.tables, position)
