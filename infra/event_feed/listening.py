"""Following the log from a position on: its past in pages from the database, then live with all others on this node."""

import asyncio
from collections.abc import Sequence

import structlog

from infra.event_feed.entries import Entry
from infra.event_feed.live import Live
from infra.event_feed.pages import Bounds, Pages, Wanted
from infra.outages import passes

#: Facts that are looked at together at least, however few of them are asked for.
LOOKED_AT = 100

#: Questions about the past that all listeners of a node may have open at once: the connections are not theirs alone.
PAST_AT_ONCE = 2

#: Seconds to wait where the database cannot be asked.
PAUSE = 1.0

logger = structlog.get_logger(__name__)


class Overrun(Exception):
    """A listener that was live takes facts more slowly than they come: what it would get next is not kept any more."""


class Listener:
    """One who listens; ``position`` is how far it has been told, with all that it does not want before that.

    ``is_live`` once it is level with what this node keeps of the log, which all others are told, too.
    """

    def __init__(self, pages: Pages, live: Live, turns: asyncio.Semaphore, wanted: Wanted, after: int) -> None:
        """Begin after a position; ``turns`` are those that are taken to ask for the past."""
        self.position = after
        self._pages = pages
        self._live = live
        self._turns = turns
        self._wanted = wanted
        self.is_live = False

    @property
    def stopping(self) -> bool:
        """Whether the node is about to stop."""
        return self._live.stopping

    async def more(self, seconds: float, bounds: Bounds) -> Sequence[Entry]:
        """Return what is wanted of the next facts, at once where there are any, else when they come or time is over.

        Nothing may be wanted of them, and a wait may end early. Raise ``Overrun``, ``UnreadableEvent``, and
        ``InvalidInput`` for a position that the log has not got to.
        """
        looked_at = bounds._replace(facts=max(bounds.facts, LOOKED_AT))
        part = self._live.after(self.position, looked_at)
        if part is None:
            if self.is_live:
                raise Overrun
            return await self._from_past(seconds, bounds)
        self.is_live = True
        if not part:
            await self._live.wait(self.position, seconds)
            part = self._live.after(self.position, looked_at)
            if part is None:
                raise Overrun
        return await self._from_live(part, bounds.facts) if part else ()

    async def _from_past(self, seconds: float, bounds: Bounds) -> Sequence[Entry]:
        try:
            async with self._turns:
                page = await self._pages.page(self._wanted, self.position, bounds)
        except Exception as error:
            if not passes(error):
                raise
            logger.warning("the event feed waits for the database", error=repr(error))
            await asyncio.sleep(min(seconds, PAUSE))
            return ()
        self.position = page.next
        return page.entries

    async def _from_live(self, part: Sequence[Entry], most: int) -> Sequence[Entry]:
        """Return what is wanted of some facts, at most so many; one that cannot be read is as far as this goes."""
        try:
            found = await self._pages.wanted(self._wanted, part)
        except Exception as error:
            if not passes(error):
                raise
            await asyncio.sleep(PAUSE)
            return ()
        cut = len(found) > most or (found and any(entry.fault for entry in part))
        found = found[:most]
        self.position = found[-1].position if cut else part[-1].position
        return found
