"""Pages of the log for those who follow it: what they want of it, after a position, within bounds.

A page reads a bounded stretch of the log, however little of it is wanted, and says in ``next`` how far that went. Who
goes on from there gets every fact that they want once, in the order of positions, and never reads a stretch twice.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from domain.event_types import WantedTypes
from domain.rejection import InvalidInput
from infra.event_feed.entries import Entry, entry_of, readable
from infra.event_feed.processes import StreamProcesses
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Wanted(msgspec.Struct, frozen=True):
    """Which facts: of a tenant (None: of all), of some types, of a stream, of a process."""

    tenant: str | None = None
    types: WantedTypes = WantedTypes()
    stream: str | None = None
    process: str | None = None

    def admits(self, entry: Entry) -> bool:
        """Tell whether an entry is wanted, but for its process."""
        return (
            self.tenant in (None, entry.tenant)
            and self.types.admits(entry.topic)
            and self.stream in (None, entry.stream)
        )


class Bounds(NamedTuple):
    """What a page has at most: facts, bytes of their states (a single one may have more), and facts looked at."""

    facts: int = 100
    bytes: int = 1_000_000
    read: int = 20_000


class Page(NamedTuple):
    """What is wanted up to the position ``next``, which is where to go on; ``head`` is where the log ended."""

    entries: Sequence[Entry]
    next: int
    head: int


class Pages:
    """Reads pages. Everything may raise what an outage of the database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._processes = StreamProcesses(database)

    async def head(self) -> int:
        """Return where the log ends."""
        head: int = await self._database.fetchval(SQL["head"])
        return head

    async def head_beyond(self, after: int) -> int:
        """Return where the log ends; raise ``InvalidInput`` for a position that it has not got to."""
        head = await self.head()
        if after > head:
            raise InvalidInput("failed to read the log", f"position {after} is beyond the end of the log")
        return head

    async def page(self, wanted: Wanted, after: int, bounds: Bounds = Bounds()) -> Page:  # noqa: B008  (immutable)
        """Return a page; raise ``InvalidInput`` for a position that the log has not got to, ``UnreadableEvent``."""
        head = await self.head_beyond(after)
        if wanted.stream is not None:
            page = await self._of_stream(wanted, wanted.stream, after, head, bounds)
        elif wanted.process is not None:
            page = await self._of_process(wanted, wanted.process, after, head, bounds)
        else:
            page = await self._stretch(wanted, after, head, bounds)
        entries = readable(page.entries)
        return page if len(entries) == len(page.entries) else Page(entries, entries[-1].position, head)

    async def event(self, tenant: str, position: int) -> Entry | None:
        """Return the fact of a tenant at a position, None where there is none of it; raise ``UnreadableEvent``."""
        entries = [entry_of(row) for row in await self._database.fetch(SQL["chosen"], [position], 1)]
        own = readable([entry for entry in entries if entry.tenant == tenant])
        return own[0] if own else None

    async def live(self, after: int, bounds: Bounds) -> Page:
        """Return a page of everything, unreadable facts too."""
        return await self._stretch(Wanted(), after, await self.head(), bounds)

    async def wanted(self, wanted: Wanted, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return those of some entries that are wanted; raise ``UnreadableEvent``."""
        found = [entry for entry in entries if wanted.admits(entry)]
        if found and wanted.process is not None:
            streams = await self._processes_streams(wanted, wanted.process, {entry.stream for entry in found})
            found = [entry for entry in found if entry.stream in streams]
        return readable(found)

    async def _stretch(self, wanted: Wanted, after: int, head: int, bounds: Bounds) -> Page:
        upto = min(after + bounds.read, head)
        arguments = (after, upto, *_filters(wanted), bounds.facts, bounds.bytes)
        return _page(await self._database.fetch(SQL["stretch"], *arguments), upto, head, bounds)

    async def _of_process(self, wanted: Wanted, process: str, after: int, head: int, bounds: Bounds) -> Page:
        upto = min(after + bounds.read, head)
        places = await self._database.fetch(SQL["places"], after, upto, *_filters(wanted))
        streams = await self._processes_streams(wanted, process, {stream for _, stream in places})
        chosen = [position for position, stream in places if stream in streams][: bounds.facts]
        rows = await self._database.fetch(SQL["chosen"], chosen, bounds.bytes) if chosen else ()
        return _page(rows, upto, head, bounds)

    async def _of_stream(self, wanted: Wanted, stream: str, after: int, head: int, bounds: Bounds) -> Page:
        if wanted.process is not None and not await self._processes_streams(wanted, wanted.process, {stream}):
            return Page((), head, head)
        begin = await self._database.fetchval(SQL["begin_of_stream"], stream, after)
        if begin is None:
            return Page((), head, head)
        last = begin + bounds.read
        arguments = (stream, begin, last, head, *_filters(wanted), bounds.facts, bounds.bytes)
        rows = await self._database.fetch(SQL["of_stream"], *arguments)
        upto = await self._database.fetchval(SQL["position_of"], stream, last, head)
        return _page(rows, head if upto is None else upto, head, bounds)

    async def _processes_streams(self, wanted: Wanted, process: str, streams: set[str]) -> frozenset[str]:
        return await self._processes.of_process(streams, wanted.tenant or "", process)


def _filters(wanted: Wanted) -> tuple[Any, ...]:
    return wanted.tenant, wanted.types.names, wanted.types.beginnings


def _page(rows: Sequence[Any], upto: int, head: int, bounds: Bounds) -> Page:
    """Return the page of these rows, which ends with the last of them where bounds have cut it short."""
    entries = [entry_of(row) for row in rows]
    whole = len(entries) < bounds.facts and sum(len(entry.state) for entry in entries) < bounds.bytes
    return Page(entries, upto if whole else entries[-1].position, head)
