"""The event feed of a node: pages of the log, and listeners who share one reader."""

import asyncio

from infra.event_feed.cloud_events import Source, find_source
from infra.event_feed.listening import PAST_AT_ONCE, Listener
from infra.event_feed.live import Bell, Keeping, Live
from infra.event_feed.pages import Pages, Wanted
from projections.database import Database


class EventFeed:
    """Everything that follows the log on this node, for whoever asks."""

    def __init__(self, database: Database, bell: Bell, keeping: Keeping = Keeping()) -> None:  # noqa: B008  (immutable)
        self.pages = Pages(database)
        self.live = Live(self.pages, bell, keeping)
        self._turns = asyncio.Semaphore(PAST_AT_ONCE)
        self._database = database
        self._source: Source | None = None

    async def run(self) -> None:
        """Read for those who listen, until cancelled."""
        await self.live.run()

    def stop(self) -> None:
        """Have those who wait be told what there is, and those who listen that it is over."""
        self.live.stop()

    async def source(self) -> Source:
        """Return what this log is called; nobody is told of any event while it is empty, and has no name."""
        if self._source is None:
            self._source = await find_source(self._database)
        return self._source or Source("")

    def listener(self, wanted: Wanted, after: int) -> Listener:
        """Return one who listens from a position on, within ``live.listening()``."""
        return Listener(self.pages, self.live, self._turns, wanted, after)
