"""Comparing a read model's live tables with what a rebuild makes of the log, at the same position, byte for byte.

The live tables are read in one snapshot, whose position is theirs; the others are filled up to that position. Nobody
waits for the comparison: followers go on, and rows that change meanwhile are not seen.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import msgspec

from infra.following.applying import LIVE
from infra.following.beside import CLOSE, Beside, Live, OnProgress, lease_name
from infra.leases import Connections, Held, Lease
from projections.database import Database
from projections.read_model import ReadModel

#: Differences are listed up to so many in a table.
MOST_DIFFERENCES = 100

#: Both sides write their values as text in the same way, whatever their sessions are set to. One waits for the other.
TEXT_FORMS = """
set local idle_in_transaction_session_timeout = '1h';
set local datestyle = 'ISO, MDY';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local jit = off
"""

KEY = """
select coalesce(string_agg(quote_ident(attname), ', ' order by key.place), 't.*') as columns
  from pg_index, unnest(indkey) with ordinality as key (number, place)
  join pg_attribute on attnum = key.number
 where indisprimary and indrelid = $1::text::regclass and attrelid = indrelid
"""

#: Rows fall into 256 parts by the hash of their key; a part is the same when the digests of its sorted rows are.
DIGESTS = """
select get_byte(decode(md5(key), 'hex'), 0) as part,
       md5(string_agg(md5(line), '' order by key collate "C", line collate "C")) as digest
  from (select row({key})::text as key, t::text as line from {table} as t) as lines
 group by part
"""

LINES = """
select key, line
  from (select row({key})::text as key, t::text as line from {table} as t) as lines
 where get_byte(decode(md5(key), 'hex'), 0) = any ($1)
"""


#: Seconds that the comparison of a table may take.
LONGEST_COMPARISON = 3_600.0

Key = TypeVar("Key", int, str)


class Session(Database, Protocol):
    """A connection whose queries may be given a time of their own."""

    async def fetch(
        self,
        query: str,
        /,
        *args: Any,
        timeout: float | None = None,  # noqa: ASYNC109  (asyncpg's own)
    ) -> Sequence[Mapping[str, Any]]: ...


class OtherVersion(Exception):
    """The live tables are of another version than this release's, or there are none: nothing can be compared."""


class Difference(msgspec.Struct, frozen=True):
    """A row as the live tables and as a rebuild have it, written as PostgreSQL writes rows; ``None``: not there."""

    table: str
    key: str
    live: str | None
    rebuilt: str | None


async def verify(
    pool: Connections, model: ReadModel, holder: str, on_progress: OnProgress | None = None
) -> Sequence[Difference]:
    """Rebuild a read model beside the live one and compare the two; return what differs, nothing when all is well.

    Raise ``LeaseTaken`` when it is being rebuilt or compared elsewhere, ``FactRefused`` when a fact stops it, and
    ``OtherVersion``.
    """
    differences: list[Difference] = []

    async def work(held: Held) -> None:
        async with Beside(pool, model, held) as beside:
            differences.extend(await _compare(pool, beside, on_progress))

    await Lease(pool, lease_name(model.name), holder).once(work)
    return differences


async def _compare(pool: Connections, beside: Beside, on_progress: OnProgress | None) -> Sequence[Difference]:
    live = await _live(pool, beside)
    while live.position - beside.position > CLOSE:  # so that the snapshot need not be held for long
        await beside.fill(live.position, on_progress)
        live = await _live(pool, beside)
    async with _snapshot(pool) as live_side:
        live = await beside.live(live_side)
        await beside.fill(live.position, on_progress)
        async with _snapshot(pool) as rebuilt_side:
            return [
                difference
                for table in beside.model.tables
                for difference in await _differences(live_side, rebuilt_side, beside.schema, table)
            ]


async def _live(pool: Connections, beside: Beside) -> Live:
    async with pool.acquire() as connection:
        live = await beside.live(connection)
    if live.version != beside.model.version:
        raise OtherVersion(f"{beside.model.name} is of version {live.version}, not {beside.model.version}")
    return live


@asynccontextmanager
async def _snapshot(pool: Connections) -> AsyncIterator[Session]:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(TEXT_FORMS)
        yield connection


async def _differences(live_side: Session, rebuilt_side: Session, schema: str, table: str) -> Sequence[Difference]:
    live, rebuilt = f"{LIVE}.{table}", f"{schema}.{table}"
    key = await live_side.fetchval(KEY, live)
    parts = _unequal(await _digests(live_side, live, key), await _digests(rebuilt_side, rebuilt, key))
    if not parts:
        return ()
    left, right = await _lines(live_side, live, key, parts), await _lines(rebuilt_side, rebuilt, key, parts)
    return [Difference(table, key, left.get(key), right.get(key)) for key in _unequal(left, right)][:MOST_DIFFERENCES]


async def _digests(side: Session, table: str, key: str) -> Mapping[int, str]:
    rows = await side.fetch(DIGESTS.format(table=table, key=key), timeout=LONGEST_COMPARISON)
    return {row["part"]: row["digest"] for row in rows}


async def _lines(side: Session, table: str, key: str, parts: Sequence[int]) -> Mapping[str, str]:
    rows = await side.fetch(LINES.format(table=table, key=key), parts, timeout=LONGEST_COMPARISON)
    return {row["key"]: row["line"] for row in rows}


def _unequal(left: Mapping[Key, str], right: Mapping[Key, str]) -> Sequence[Key]:
    """Return the keys, sorted, whose values are not the same on both sides."""
    return sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))
