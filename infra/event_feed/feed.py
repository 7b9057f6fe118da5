"""The event feed of a node: pages of the log, and listeners who share one reader."""

import asyncio
import random
from collections.abc import Callable

from infra.event_feed.cloud_events import Source, find_source
from infra.event_feed.listening import PAST_AT_ONCE, Listener
from infra.event_feed.live import Bell, Keeping, Live
from infra.event_feed.pages import Pages, Wanted
from projections.database import Database

#: Milliseconds after which one whose stream is over is asked to come back, at least and at most.
SOONEST, LATEST = 1_000, 5_000


class EventFeed:
    """Everything that follows the log on this node, for whoever asks."""

    def __init__(
        self,
        database: Database,
        bell: Bell,
        keeping: Keeping = Keeping(),  # noqa: B008  (immutable)
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Follow the log of a database; ``chance`` is from 0 to 1."""
        self.pages = Pages(database)
        self.live = Live(self.pages, bell, keeping)
        self._turns = asyncio.Semaphore(PAST_AT_ONCE)
        self._database = database
        self._chance = chance
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

    def retry(self) -> int:
        """Return the milliseconds after which a listener is to come back, another number for each.

        When a node ends, those who listened to it do not all come to the next one at once.
        """
        return SOONEST + round((LATEST - SOONEST) * self._chance())
