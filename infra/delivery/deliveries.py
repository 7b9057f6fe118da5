"""The role of deliveries: on one node at a time it tells webhooks what happens (docs/adr/0019)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, NoReturn, Protocol

import structlog

from commands.handling import Commands
from domain.rejection import Unavailable
from infra.delivery import metrics
from infra.delivery.disabling import Disabler
from infra.delivery.posting import Terms, opened_poster
from infra.delivery.pruning import prune
from infra.delivery.recording import Recorder, Rules
from infra.delivery.scheduling import Scheduler, Sources
from infra.delivery.sending import Secrets, Sender
from infra.delivery.stretches import SQL
from infra.delivery.writing import Writing
from infra.following.rests import Rests
from infra.leases import Held, LeaseLost
from infra.outages import passes

#: The lease under which one node delivers.
LEASE = "delivery"

#: Seconds: from one step along the log to the next, so that each takes more; the longest wait for the log to grow; from
#: one look for what is due to the next, and for what is old.
REST = 0.05
POLL = 5.0
LOOK_EVERY = 1.0
PRUNE_EVERY = 60.0

#: Seconds until what failed is tried again: at first, and at most.
FIRST_REST = 0.2
LONGEST_REST = 30.0

log = structlog.get_logger(__name__)


class Bell(Protocol):
    """Tells that the log has grown, when it does; what it does not tell is found by polling."""

    async def wait(self, after: int, seconds: float) -> object:
        """Return once the log may be beyond the position ``after``, or when the time is over."""


class Means(NamedTuple):
    """What deliveries are made with; ``retries`` are the seconds from one attempt to the next.

    ``tell`` is told, after each step along the log, what that stands before; nothing (no text) when it goes on.
    """

    commands: Commands
    secrets: Secrets
    bell: Bell
    sources: Sources
    terms: Terms
    retries: Sequence[float]
    chance: Callable[[], float] = random.random
    tell: Callable[[str], None] = lambda _trouble: None


class Deliveries:
    """Tells webhooks, whenever this node has the lease: ``Lease(...).keep(Deliveries(means).deliver)``."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def deliver(self, held: Held) -> None:
        """Deliver until cancelled; raise ``LeaseLost``. Outages are waited out."""
        async with opened_poster(self._means.terms) as poster:
            turn = Turn(self._means, held)
            sources = self._means.sources
            sender = Sender(sources.pool, poster, self._means.secrets, sources.wall, turn.recorder.done)
            try:
                await turn.run(sender)
            finally:
                await sender.stop()


class Turn:
    """What is done at the same time while the lease is held."""

    def __init__(self, means: Means, held: Held) -> None:
        self._means = means
        self._writing = Writing(means.sources.pool, held)
        self._scheduler = Scheduler(means.sources, self._writing)
        self.recorder = Recorder(self._writing, Rules(means.retries, means.sources.wall, means.chance))
        self._disabler = Disabler(means.commands, means.sources.pool)

    async def run(self, sender: Sender) -> None:
        """Do everything until one part of it has lost the lease."""

        async def schedule() -> None:
            await self._schedule(sender)

        async def record() -> None:
            sender.recorded(await self.recorder.record())

        async def look() -> None:
            await sender.look()
            await self._disabler.disable()
            await self._measure()
            await asyncio.sleep(LOOK_EVERY)

        async def forget() -> None:
            await prune(self._writing, self._means.sources.wall())
            await asyncio.sleep(PRUNE_EVERY)

        parts = (schedule, record, look, forget, sender.send_due)
        works = [asyncio.create_task(_again_and_again(part)) for part in parts]
        try:
            await asyncio.gather(*works)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _schedule(self, sender: Sender) -> None:
        try:
            step = await self._scheduler.step()
            due, more = await self._scheduler.replay()
        except BaseException:
            self._scheduler.forget()
            raise
        sender.want({*step.due, *due})
        self._means.tell("" if step.failure is None else f"event {step.failure.position}: {step.failure.error}")
        if step.failure is not None:
            raise Stalled(step.failure)
        if not (step.more or more):
            await self._means.bell.wait(step.position, POLL)
            await asyncio.sleep(REST)

    async def _measure(self) -> None:
        now = self._means.sources.wall()
        pending, oldest = await self._means.sources.pool.fetchrow(SQL["figures"], now)
        metrics.BACKLOG.set(pending)
        metrics.OVERDUE.set((now - oldest).total_seconds() if oldest else 0)


class Stalled(Exception):
    """Nothing is told until an event can be read; it is written down already."""


async def _again_and_again(work: Callable[[], Awaitable[None]]) -> NoReturn:
    """Do something for ever; when it fails, after a rest that gets longer each time."""
    rests = Rests(FIRST_REST, LONGEST_REST)
    while True:
        try:
            await work()
        except LeaseLost:
            raise
        except Exception as error:
            rests.begin("")
            if isinstance(error, Unavailable) or passes(error):
                log.warning("deliveries wait for the database", error=repr(error))
            elif not isinstance(error, Stalled):
                log.exception("deliveries cannot go on")
            await asyncio.sleep(rests.shortest(LONGEST_REST))
        else:
            rests.forget("")
