"""One turn of following: rounds of reading and applying, for as long as the lease is held.

In each round, read models that stand at the same position share a read of the log, its decoding and a transaction. One
that lags behind, because it is new or had stopped, catches up in a group of its own until it stands where others do.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec
import structlog

from infra.event_log.tail import End, Tail
from infra.following import metrics
from infra.following.applying import Applying, Moved
from infra.following.batches import Batch, Bounds, Failure, last_batch, read_batch
from infra.following.beside import FactRefused
from infra.following.progress import Progress
from infra.following.rebuilding import clean_abandoned, rebuild
from infra.following.rests import Rests
from infra.following.standing import Standings, standing_of, standings, state_of
from infra.leases import Connections, Held, LeaseLost, LeaseTaken
from infra.outages import is_outage
from projections.read_model import ReadModel

#: What had failed is tried again one fact at a time: nothing is redone when it fails again.
ONE_FACT = Bounds(facts=1)

#: Seconds until a read model that failed is tried again: at first, and at most.
FIRST_REST = 1.0
LONGEST_REST = 30.0

logger = structlog.get_logger(__name__)


class Group(msgspec.Struct, frozen=True):
    """Read models that stand at the same position, and whether they failed there."""

    position: int
    failed: bool
    models: Sequence[ReadModel]


class Turn:
    """What a holder of the followers' lease does, and knows while it holds it.

    ``head`` is where the log ended when the last round began, ``failed`` is why a read model stopped last.
    """

    def __init__(
        self,
        pool: Connections,
        models: Collection[ReadModel],
        held: Held,
        holder: str,
        progress: Progress,
        tail: Tail,
    ) -> None:
        self.head = 0
        self.failed: Exception | None = None
        self.bounds = Bounds()
        self.rests = Rests(FIRST_REST, LONGEST_REST)
        self._pool = pool
        self._models = models
        self._holder = holder
        self._progress = progress
        self._tail = tail
        self._applying = Applying(pool, held)
        self._rebuilding: asyncio.Task[None] | None = None
        self._retries: dict[str, asyncio.Task[None]] = {}

    async def begin(self) -> None:
        await clean_abandoned(self._pool, self._holder)

    async def end(self) -> None:
        tasks = [*self._retries.values(), *filter(None, [self._rebuilding])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._progress.ended()

    async def round(self, only: Collection[str] = ()) -> bool:
        """Apply one batch in each group, of the read models ``only`` if some are named; tell whether there is more.

        Raise ``LeaseLost``, or the error of an outage of the database.
        """
        async with self._pool.acquire() as connection:
            seen = await standings(connection)
        self.head = seen.head
        metrics.observe(standing_of(model, seen) for model in self._models)
        await self._make_missing(seen)
        self._rebuild_outdated(seen)
        groups = self._groups(seen, only)
        self._retry([group for group in groups if group.failed], seen.end)
        steps = [self._step(group, seen.end) for group in groups if not group.failed]
        outcomes = await asyncio.gather(*steps, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for error in sorted(errors, key=is_outage):
            raise error
        return any(outcomes)

    def _groups(self, seen: Standings, only: Collection[str]) -> Sequence[Group]:
        """Part the read models that are behind the head, and do not rest, by where they stand."""
        groups: defaultdict[tuple[int, bool], list[ReadModel]] = defaultdict(list)
        for model in self._models:
            if only and model.name not in only:
                continue
            state = state_of(model, seen)
            if state in {"live", "failed"} and model.name not in self.rests and model.name not in self._retries:
                position = seen.rows[model.name].position
                if position < seen.head:
                    groups[position, state == "failed"].append(model)
        return [Group(*key, models) for key, models in groups.items()]

    def _retry(self, groups: Iterable[Group], end: End) -> None:
        """Try again what had failed, beside the rounds: it may have to wait for whatever made it fail."""
        for group in groups:
            for model in group.models:
                alone = Group(group.position, group.failed, [model])
                self._retries[model.name] = asyncio.create_task(self._retry_alone(alone, end))

    async def _retry_alone(self, group: Group, end: End) -> None:
        name = group.models[0].name
        try:
            await self._step(group, end)
        except Exception as error:
            if not is_outage(error) and not isinstance(error, LeaseLost):  # the next round will meet these two
                logger.exception("a read model cannot be tried again", read_model=name)
            self.rests.begin(name)
        finally:
            del self._retries[name]

    async def _step(self, group: Group, end: End) -> bool:
        """Apply a batch to a group; tell whether it is still behind the end."""
        bounds = ONE_FACT if group.failed else self.bounds
        batch = last_batch(self._tail, group.models, group.position, end, bounds)
        if batch is None:
            async with self._pool.acquire() as connection:
                batch = await read_batch(connection, group.models, group.position, end.position, bounds)
        metrics.FACTS.inc(len(batch.facts))
        level = await self._apply(group, batch) if batch.upto > batch.after else group.models
        if batch.unreadable is not None:
            for model in level:
                if batch.unreadable.concerns(model):
                    await self._stop(model, batch.unreadable)
        return batch.upto < end.position

    async def _apply(self, group: Group, batch: Batch) -> Sequence[ReadModel]:
        """Apply a batch to all of a group at once or, when that fails, to each alone; return those that took it all."""
        try:
            await self._applying.apply(group.models, batch)
        except Moved:
            return ()
        except Exception as error:
            if is_outage(error) or isinstance(error, LeaseLost):
                raise
            return [model for model in group.models if await self._apply_alone(model, batch)]
        metrics.BATCHES.inc()
        self._have_moved(group.models, batch.upto)
        return group.models

    async def _apply_alone(self, model: ReadModel, batch: Batch) -> bool:
        try:
            failure = await self._applying.apply_alone(model, batch)
        except Moved:
            return False
        if failure is None:
            self._have_moved((model,), batch.upto)
        else:
            await self._stop(model, failure)
        return failure is None

    def _have_moved(self, models: Iterable[ReadModel], position: int) -> None:
        names = [model.name for model in models]
        for name in names:
            self.rests.forget(name)
        self._progress.reached(names, position)

    async def _stop(self, model: ReadModel, failure: Failure) -> None:
        self.rests.begin(model.name)
        self.failed = failure.error
        await self._applying.stop(model, failure)

    async def _make_missing(self, seen: Standings) -> None:
        """Make the tables of read models that are new here; they are filled from the next round on."""
        for model in self._models:
            if model.name not in seen.rows and model.name not in self.rests:
                try:
                    await self._applying.begin(model)
                except Exception as error:
                    if is_outage(error) or isinstance(error, LeaseLost):
                        raise
                    self.rests.begin(model.name)
                    logger.exception("the tables of a read model cannot be made", read_model=model.name)

    def _rebuild_outdated(self, seen: Standings) -> None:
        """See that one of those read models is being rebuilt whose tables are not what they should be."""
        if self._rebuilding is not None and not self._rebuilding.done():
            return
        for model in self._models:
            if state_of(model, seen) == "outdated" and model.name not in self.rests:
                self._rebuilding = asyncio.create_task(self._rebuild(model, seen.rows[model.name].position))
                return

    async def _rebuild(self, model: ReadModel, position: int) -> None:
        try:
            await rebuild(self._pool, model, self._holder)
            self.rests.forget(model.name)
        except LeaseTaken:
            self.rests.begin(model.name)
        except FactRefused as refused:
            await self._stop(model, Failure(position, refused.failure.failed_at, refused.failure.error))
        except Exception:
            self.rests.begin(model.name)
            logger.exception("a rebuild failed", read_model=model.name)
