"""Picking due work for many who ask at once: one look-up serves all that asked while the last one was under way.

What is picked stays reserved until its append is through, so that two requests of one process never go for the same
work. Another process may; the append tells who was first. Work that cannot be done, because its instance cannot be read
or a fault of ours is in the way, is left alone for a while: the oldest is picked first, and a few of such would be
picked each time, and nothing else.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice

import msgspec

from commands.context import Work, WorkCriteria

#: How long work is left alone after an error that nobody foresaw, in seconds.
LEFT_ALONE = 10.0

#: Finds due work that meets criteria, without the works in the set, oldest due first.
Find = Callable[[WorkCriteria, datetime, frozenset[Work]], Awaitable[Sequence[Work]]]

Asked = tuple[int, "asyncio.Future[list[Work]]"]


class Picking:
    """Picks work of one kind: jobs or tasks."""

    def __init__(self, find: Find, now: Callable[[], datetime]) -> None:
        self._find = find
        self._now = now
        self._reserved: set[Work] = set()
        self._left_alone: dict[Work, float] = {}
        self._asked: list[tuple[WorkCriteria, asyncio.Future[list[Work]]]] = []
        self._rounds: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def picked(self, criteria: WorkCriteria) -> AsyncIterator[Sequence[Work]]:
        """Give up to ``criteria.limit`` works, reserved until the block ends; raise what looking them up raised."""
        future: asyncio.Future[list[Work]] = asyncio.get_running_loop().create_future()
        self._asked.append((criteria, future))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._serve())
        try:
            yield await future
        finally:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._reserved.difference_update(future.result())

    def leave_alone(self, works: Iterable[Work]) -> None:
        """Pick these no more for a while."""
        self._left_alone.update(dict.fromkeys(works, _now() + LEFT_ALONE))

    async def _serve(self) -> None:
        """Look work up in rounds for as long as somebody asks."""
        try:
            while self._asked:
                asked, self._asked = self._asked, []
                alike: dict[WorkCriteria, list[Asked]] = defaultdict(list)
                for criteria, future in asked:
                    alike[msgspec.structs.replace(criteria, limit=0)].append((criteria.limit, future))
                await asyncio.gather(*(self._share(*group) for group in alike.items()))
        finally:
            self._rounds = None

    async def _share(self, criteria: WorkCriteria, asked: Sequence[Asked]) -> None:
        """Look up once for all who asked for the same, and part what was found in their order."""
        together = msgspec.structs.replace(criteria, limit=sum(limit for limit, _ in asked))
        try:
            found = iter(await self._find(together, self._now(), self._not_to_be_picked()))
        except Exception as error:  # noqa: BLE001  (each asker gets it)
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        for limit, future in asked:
            if not future.done():
                works = [work for work in islice(found, limit) if work not in self._reserved]
                self._reserved.update(works)
                future.set_result(works)

    def _not_to_be_picked(self) -> frozenset[Work]:
        self._left_alone = {work: until for work, until in self._left_alone.items() if until > _now()}
        return frozenset(self._reserved).union(self._left_alone)


def _now() -> float:
    return asyncio.get_running_loop().time()
