"""The role of deliveries: on one node at a time it tells webhooks what happens (docs/adr/0019)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn, Protocol

import structlog

from commands.handling import Commands
from domain.rejection import Unavailable
from infra.delivery import metrics
from infra.delivery.disabling import Disabler
from infra.delivery.posting import Poster, Terms, opened_poster
from infra.delivery.pruning import prune
from infra.delivery.recording import Recorder, Rules
from infra.delivery.scheduling import Scheduler, Sources
from infra.delivery.sending import Secrets, Sender
from infra.delivery.stretches import SQL
from infra.delivery.writing import Writing
from infra.following.rests import Rests
from infra.leases import GiveWay, Held, LeaseLost, go_on
from infra.outages import passes

#: The lease under which one node delivers.
LEASE = "delivery"

#: Seconds: from one step along the log to the next, so that each takes more; the longest wait for the log to grow; from
#: one look for what is due to the next, for how much waits, and for what is old.
REST = 0.05
POLL = 5.0
LOOK_EVERY = 1.0
MEASURE_EVERY = 10.0
PRUNE_EVERY = 60.0

#: Seconds that a node which stops has for writing down what it has sent.
FLUSH_SECONDS = 2.0

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

    ``tell`` is told what keeps deliveries from going on, and nothing (no text) each time they do; ``give_way`` is told
    of each error, for a newer release may go on where this one cannot.
    """

    commands: Commands
    secrets: Secrets
    bell: Bell
    sources: Sources
    terms: Terms
    retries: Sequence[float]
    chance: Callable[[], float] = random.random
    tell: Callable[[str], None] = lambda _trouble: None
    give_way: GiveWay = go_on


class Deliveries:
    """Tells webhooks, whenever this node has the lease: ``Lease(...).keep(Deliveries(means).deliver)``."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def deliver(self, held: Held) -> None:
        """Deliver until cancelled; raise ``LeaseLost``. Outages are waited out."""
        async with opened_poster(self._means.terms) as poster:
            await Turn(self._means, held, poster).run(Persistence(self._means.tell, self._means.give_way))


class Turn:
    """What is done at the same time while the lease is held."""

    def __init__(self, means: Means, held: Held, poster: Poster) -> None:
        self._means = means
        sources = means.sources
        self._writing = Writing(sources.pool, held)
        self._scheduler = Scheduler(sources, self._writing)
        self._recorder = Recorder(self._writing, Rules(means.retries, sources.wall, means.chance))
        self._sender = Sender(sources.pool, poster, means.secrets, sources.wall, self._recorder.done)
        self._disabler = Disabler(means.commands, sources.pool)
        self._told_to: int | None = None  # where there is nothing more to tell until the log has grown

    async def run(self, persistence: "Persistence") -> None:
        """Do everything until one part of it has lost the lease."""
        parts = (self._schedule, self._sender.send_due, self._record, self._look, self._measure, self._prune)
        works = [asyncio.create_task(persistence.persist(part)) for part in parts]
        try:
            await asyncio.gather(*works)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            metrics.forget()
            await self._sender.stop()
            await self._flush()

    async def _flush(self) -> None:
        """Write down what has been sent, if that may be and does not take long: then it is not sent again."""
        with suppress(Exception):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._recorder.flush()

    async def _schedule(self) -> None:
        if self._told_to is not None:
            await self._means.bell.wait(self._told_to, LOOK_EVERY if self._scheduler.replaying else POLL)
            await asyncio.sleep(REST)
        try:
            step = await self._scheduler.step()
            due, more = await self._scheduler.replay()
        except BaseException:
            self._scheduler.forget()
            raise
        self._sender.want({*step.due, *due})
        self._told_to = None
        if step.failure is not None:
            raise Stalled(f"position {step.failure.position}: {step.failure.error}") from step.failure.unknown
        if not (step.more or more):
            self._told_to = step.position

    async def _record(self) -> None:
        self._sender.recorded(await self._recorder.record())

    async def _look(self) -> None:
        """Look for what is due again, and what has become of receivers."""
        await self._sender.look()
        await self._disabler.disable()
        await asyncio.sleep(LOOK_EVERY)

    async def _measure(self) -> None:
        """Look how much waits."""
        now = self._means.sources.wall()
        pending, oldest = await self._means.sources.pool.fetchrow(SQL["figures"], now)
        metrics.BACKLOG.set(pending)
        metrics.OVERDUE.set((now - oldest).total_seconds() if oldest else 0)
        await asyncio.sleep(MEASURE_EVERY)

    async def _prune(self) -> None:
        await prune(self._writing, self._means.sources.wall())
        await asyncio.sleep(PRUNE_EVERY)


class Stalled(Exception):
    """Nothing is told until an event can be read; that is written down already."""


class Persistence:
    """Does things for ever, whatever happens to them, and tells what keeps it from that, or that nothing does."""

    def __init__(self, tell: Callable[[str], None], give_way: GiveWay = go_on) -> None:
        self._say = tell
        self._give_way = give_way
        self._troubles: dict[object, str] = {}

    async def persist(self, part: Callable[[], Awaitable[None]]) -> NoReturn:
        """Do a part again and again; when it fails, after a rest that gets longer each time. Raise ``LeaseLost``."""
        rests = Rests(FIRST_REST, LONGEST_REST)
        while True:
            try:
                await part()
            except LeaseLost:
                raise
            except Exception as error:  # noqa: BLE001  (whatever it is, it is told, and the other parts go on)
                await self._give_way(error)
                self._troubles[part] = _trouble_of(error)
                self._say(self._troubles[part])
                rests.begin("")
                await asyncio.sleep(rests.shortest(LONGEST_REST))
            else:
                rests.forget("")
                self._troubles.pop(part, None)
                if not self._troubles:
                    self._say("")


def _trouble_of(error: Exception) -> str:
    """Say in the log what has happened, and in a sentence what that comes to."""
    if isinstance(error, Stalled):
        return str(error)
    if isinstance(error, Unavailable) or passes(error):
        log.warning("deliveries wait for the database", error=repr(error))
        return f"the database does not answer: {error!r}"
    log.error("deliveries cannot go on", exc_info=error)
    return repr(error)
