"""Scheduling: follows the log, and writes down what is to be delivered to whom (docs/adr/0019).

Rows, numbers and position are written in one transaction, under the lease's epoch: each event is scheduled once for
each webhook that wants it. An event that cannot be read stops this at its position, visibly, until it can be.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from infra.delivery import metrics
from infra.delivery.booking import Book
from infra.delivery.stretches import SQL, Failure, Stretch, Stretches
from infra.delivery.subscriptions import Subscription, Subscriptions
from infra.delivery.writing import Pool, Writing
from infra.event_feed.cloud_events import Source, find_source
from infra.event_feed.entries import entry_of

#: Deliveries of a webhook that wait, above which its replays do.
MOST_WAITING = 1_000

LONGEST_ERROR = 2_000

log = structlog.get_logger(__name__)


class Sources(NamedTuple):
    """What deliveries read and write: connections, and the clock on the wall."""

    pool: Pool
    wall: Callable[[], datetime]


class Step(NamedTuple):
    """What a step has come to: the webhooks that have something to be sent now, and whether there is more to schedule.

    ``position`` is how far the log has been told, ``failure`` what that stands before.
    """

    due: Collection[str]
    position: int
    more: bool
    failure: Failure | None = None


class Scheduler:
    """Schedules while a lease is held."""

    def __init__(self, sources: Sources, writing: Writing) -> None:
        self._sources = sources
        self._writing = writing
        self._stretches = Stretches(sources.pool)
        self._known: Subscriptions | None = None
        self._standing: dict[str, int] = {}  # positions that replays stand before, by webhook
        #: Whether there are replays under way.
        self.replaying = False

    async def step(self) -> Step:
        """Schedule the next stretch of the log; raise ``LeaseLost``, or the error of an outage."""
        position, silent_upto, failed_at, head, turned = await self._sources.pool.fetchrow(SQL["progress"])
        if turned:
            return Step((), await self._turn(), more=True)
        metrics.observe_log(position, head, stalled=failed_at is not None)
        if position > head:
            failure = Failure(head + 1, f"the log ends at {head}; deliveries are scheduled up to {position}")
            await self.stall(failure)
            return Step((), position, more=False, failure=failure)
        if position == head:
            return Step((), position, more=False)
        known = await self._webhooks()
        stretch = await self._stretches.read(known, position, head, silent_upto)
        due = await self._taken(stretch, silent_upto) if stretch.upto > position else ()
        if stretch.failure is not None:
            await self.stall(stretch.failure)
        return Step(due, stretch.upto, stretch.upto < head, stretch.failure)

    async def replay(self) -> tuple[Collection[str], bool]:
        """Take each replay a step further; return the webhooks with something to send, and whether there is more."""
        due: set[str] = set()
        more = False
        standing: dict[str, Failure] = {}
        replays = await self._sources.pool.fetch(SQL["replays"])
        self.replaying = bool(replays)
        for webhook, requested_at, after, upto in replays:
            subscription = (await self._webhooks()).get(webhook)
            waiting = await self._sources.pool.fetchval(SQL["backlog_of"], webhook, MOST_WAITING)
            if subscription is None or waiting >= MOST_WAITING:
                continue
            stretch = await self._stretches.replayed(subscription, after, upto)
            due.update(await self._replayed(subscription, requested_at, stretch, upto))
            more |= after < stretch.upto < upto
            if stretch.failure is not None:
                standing[webhook] = stretch.failure
        self._observe_standing(standing)
        return due, more

    def _observe_standing(self, standing: dict[str, Failure]) -> None:
        """Tell how many replays cannot go on, and of each once."""
        for webhook, failure in standing.items():
            if failure.position != self._standing.get(webhook):
                log.error("a replay stands before an event that cannot be read", webhook=webhook, **_told(failure))
        self._standing = {webhook: failure.position for webhook, failure in standing.items()}
        metrics.REPLAYS_STALLED.set(len(standing))

    async def stall(self, failure: Failure) -> None:
        """Write down what stands in the way."""
        log.error("deliveries stand before an event that cannot be told", **_told(failure))
        async with self._writing.transaction() as session:
            await session.execute(SQL["stall"], failure.position, failure.error[:LONGEST_ERROR])

    async def _turn(self) -> int:
        """Go back to where the log may have lost facts, and return the position: what is behind it is new."""
        self.forget()
        async with self._writing.transaction() as session:
            position: int = await session.fetchval(SQL["turn_back"])
            book = Book(session, await Subscriptions.load(session), Source(""), self._sources.wall())
            facts = await session.fetch(SQL["facts_of_all_webhooks"], position)
            await book.fold_again(map(entry_of, facts))
            for query in ("lose_replays", "lose_verdicts", "lose"):
                await session.execute(SQL[query], position)
        log.warning("deliveries go on in a new era of the log", position=position)
        return position

    def forget(self) -> None:
        """Read the webhooks anew: nobody knows what has been written of them."""
        self._known = None

    async def _taken(self, stretch: Stretch, silent_upto: int) -> Collection[str]:
        async with self._booking() as book:
            await book.take(stretch, silent_upto)
            await book.move(stretch.after, stretch.upto)
        return book.due

    async def _replayed(
        self, subscription: Subscription, requested_at: int, stretch: Stretch, upto: int
    ) -> Collection[str]:
        async with self._booking() as book:
            await book.again(subscription.id, stretch.told)
            await book.write_webhooks()
            await book.advance(subscription.id, requested_at, stretch.upto, upto)
        return book.due

    @asynccontextmanager
    async def _booking(self) -> AsyncIterator[Book]:
        """Open a transaction to write down deliveries in; once it is through, the webhooks are those of the book."""
        known, self._known = (await self._webhooks()).copy(), None
        async with self._writing.transaction() as session:
            name = await find_source(session) or Source("")
            book = Book(session, known, name, self._sources.wall())
            yield book
        self._known = known
        metrics.SCHEDULED.inc(book.scheduled)

    async def _webhooks(self) -> Subscriptions:
        """Return the webhooks as they were written last."""
        if self._known is None:
            self._known = await Subscriptions.load(self._sources.pool)
        return self._known


def _told(failure: Failure) -> dict[str, Any]:
    return {"position": failure.position, "error": failure.error}
