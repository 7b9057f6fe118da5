"""The role of the followers: they keep every read model level with the log, on one node at a time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec
import structlog

from infra.event_log.tail import Tail
from infra.following.batches import Bounds
from infra.following.progress import Progress
from infra.following.rests import Rests
from infra.following.standing import Standing, status
from infra.following.turn import Turn
from infra.leases import Connections, Held, Lease
from infra.outages import passes
from projections.read_model import ReadModel

#: The lease under which one node follows the log.
LEASE = "followers"

#: Seconds from one attempt to the next while the database cannot be reached: at first, and at most.
FIRST_REST = 0.02
LONGEST_REST = 1.0
DATABASE = "the database"

logger = structlog.get_logger(__name__)


class Bell(Protocol):
    """Tells that the log has grown, when it does; what it does not tell is found by polling."""

    async def wait(self, after: int, seconds: float) -> object:
        """Return once the log may be beyond the position ``after``, or when the time is over."""


class Pace(msgspec.Struct, frozen=True):
    """How followers go about it; times in seconds.

    They look at the log at least every ``poll``. From one batch to the next they take at least ``rest``, so that a
    batch gathers more facts and costs less for each, unless they lag behind. A read model that a query in this process
    waits for does not rest, but the others do.
    """

    poll: float = 0.25
    rest: float = 0.05
    bounds: Bounds = Bounds()


class Followers:
    """Follows the log for all read models while the lease is held; ``progress`` is for queries of this process.

    ``tail`` is what this process appends itself: followers need not read it again.
    """

    def __init__(
        self,
        pool: Connections,
        lease: Lease,
        bell: Bell,
        models: Collection[ReadModel],
        pace: Pace = Pace(),  # noqa: B008  (frozen)
        tail: Tail | None = None,
    ) -> None:
        self.progress = Progress()
        self._pool = pool
        self._lease = lease
        self._bell = bell
        self._models = models
        self._pace = pace
        self._tail = tail or Tail()
        self._outages = Rests(FIRST_REST, LONGEST_REST)
        self._rested = 0.0

    async def run(self) -> None:
        """Follow until cancelled, whenever this node has the lease."""
        await self._lease.keep(self._follow)

    async def status(self) -> Sequence[Standing]:
        """Say where each read model stands, whoever follows for it."""
        async with self._pool.acquire() as connection:
            return await status(connection, self._models)

    async def _follow(self, held: Held) -> None:
        turn = Turn(self._pool, self._models, held, self._lease.holder, self.progress, self._tail)
        turn.bounds = self._pace.bounds
        try:
            await turn.begin()
            while True:
                await self._round(turn)
        finally:
            await turn.end()

    async def _round(self, turn: Turn) -> None:
        began = _now()
        # Until the others have rested, only those that a query waits for go on.
        only = self.progress.wanted if began < self._rested else frozenset()
        if not only:
            self._rested = began + self._pace.rest
        try:
            more = await turn.round(only)
            await self._give_way(turn)
        except Exception as error:
            if not passes(error):
                raise
            logger.warning("followers wait for the database", error=repr(error))
            self._outages.begin(DATABASE)
            await asyncio.sleep(self._outages.shortest(LONGEST_REST))
            return
        self._outages.forget(DATABASE)
        self._lease.goes_on()
        if only:
            await self.progress.rest(self._rested - _now())
        elif not more:
            await self.progress.rest(self._rested - _now())
            await self._bell.wait(turn.head, turn.rests.shortest(self._pace.poll))

    async def _give_way(self, turn: Turn) -> None:
        """Leave what a read model has stopped at to a newer release, if there is one: it is written down already."""
        failed, turn.failed = turn.failed, None
        if failed is not None:
            await self._lease.give_way(failed)


def _now() -> float:
    return asyncio.get_running_loop().time()
