"""The newest facts, read once for all who listen on this node.

One reader follows the log while there is anybody who listens: the doorbell wakes it, and it polls where nobody rings.
What it reads is kept, up to bounds, until something newer takes its place. Listeners have nothing of their own but a
position, so that a slow one costs no memory: it finds one day that what it would read next is no longer there.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

import structlog

from domain.rejection import Unavailable
from infra.event_feed.entries import Entry
from infra.event_feed.pages import Bounds, Page
from infra.outages import passes

logger = structlog.get_logger(__name__)


class Bell(Protocol):
    """Tells that the log has grown, when it does; what it does not tell is found by polling."""

    async def wait(self, after: int, seconds: float) -> int:
        """Return where the log may end once that is beyond the position ``after``, or when the time is over."""


class Source(Protocol):
    """Where everything is read."""

    async def head(self) -> int:
        """Return where the log ends."""

    async def live(self, after: int, bounds: Bounds) -> Page:
        """Return everything after a position, within bounds."""


class Keeping(NamedTuple):
    """What is kept at most, and how it is read. Times are in seconds.

    From one read to the next there is a ``rest``, so that a read gathers what several commands have appended.
    ``patience`` is how long one who comes to listen waits for the reader to begin.
    """

    facts: int = 10_000
    bytes: int = 16_000_000
    at_once: Bounds = Bounds(facts=1_000)
    rest: float = 0.01
    poll: float = 0.5
    pause: float = 0.25
    patience: float = 5.0


class Live:
    """The newest facts, those after ``begin`` up to ``end``, without a gap."""

    def __init__(self, source: Source, bell: Bell, keeping: Keeping = Keeping()) -> None:  # noqa: B008  (immutable)
        self.begin = 0
        self.end = 0
        self.stopping = False
        self._source = source
        self._bell = bell
        self._keeping = keeping
        self._entries: list[Entry] = []
        self._bytes = 0
        self._listeners = 0
        self._wanted = asyncio.Event()
        self._begun = asyncio.Event()
        self._grown = asyncio.Event()

    async def run(self) -> None:
        """Read for those who listen, while there are any, until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                await self._read()
            except Exception as error:
                if not passes(error):
                    raise
                logger.warning("the event feed waits for the database", error=repr(error))
                await asyncio.sleep(self._keeping.pause)

    def stop(self) -> None:
        """Have nobody listen any longer: the node is about to stop."""
        self.stopping = True
        self._wake()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Have the newest facts read until the block ends; raise ``Unavailable`` where the reader cannot begin."""
        self._listeners += 1
        self._wanted.set()
        try:
            try:
                async with asyncio.timeout(self._keeping.patience):
                    await self._begun.wait()
            except TimeoutError as error:
                raise Unavailable("failed to follow the log", "the database cannot be reached") from error
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._wanted.clear()

    def after(self, position: int, bounds: Bounds) -> Sequence[Entry] | None:
        """Return the facts after a position, within bounds; None where the next one is not here any more."""
        if position < self.begin:
            return None
        first = position - self.begin  # beyond the end, where the reader has not got to yet, there is nothing
        part = self._entries[first : first + bounds.facts]
        size = 0
        for number, entry in enumerate(part, 1):
            size += len(entry.state)
            if size >= bounds.bytes:
                return part[:number]
        return part

    async def wait(self, after: int, seconds: float) -> None:
        """Return as soon as there is something after a position or the node is about to stop, or when time is over."""
        try:
            async with asyncio.timeout(seconds):
                while self.end <= after and not self.stopping:
                    await self._grown.wait()
        except TimeoutError:
            pass

    async def _read(self) -> None:
        """Read on until nobody listens any longer; after an outage, from where that began."""
        if not self._begun.is_set():
            self._begin_at(await self._source.head())
        heard = 0  # what was rung for once and is not there is not asked for again before its time
        while self._wanted.is_set():
            page = await self._source.live(self.end, self._keeping.at_once)
            if page.next > self.end:
                self._keep(page)
                await asyncio.sleep(self._keeping.rest)
            if page.next >= page.head:
                heard = await self._bell.wait(max(self.end, heard), self._keeping.poll)
        self._begun.clear()

    def _begin_at(self, head: int) -> None:
        """Begin anew: what nobody listened to is not here."""
        self._entries.clear()
        self._bytes = 0
        self.begin = self.end = head
        self._begun.set()
        self._wake()

    def _keep(self, page: Page) -> None:
        if page.next != self.end + len(page.entries):  # somebody has deleted events: places would be wrong from here on
            logger.error("the log has a gap: whoever listens has to begin anew", after=self.end, upto=page.next)
            self._begin_at(page.next)
            return
        self._entries += page.entries
        self._bytes += sum(len(entry.state) for entry in page.entries)
        self.end = page.next
        self._drop_oldest()
        self._wake()

    def _drop_oldest(self) -> None:
        dropped = max(len(self._entries) - self._keeping.facts, 0)
        self._bytes -= sum(len(entry.state) for entry in self._entries[:dropped])
        while self._bytes > self._keeping.bytes:
            self._bytes -= len(self._entries[dropped].state)
            dropped += 1
        del self._entries[:dropped]
        self.begin += dropped

    def _wake(self) -> None:
        self._grown.set()
        self._grown.clear()
