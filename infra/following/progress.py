"""How far the followers of this process have come, for queries in the same process that wait for them."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec


class Waiting(msgspec.Struct, eq=False):
    """A query that waits until read models have reached positions."""

    positions: Mapping[str, int]
    over: "asyncio.Future[None]"


class Progress:
    """Positions of read models, as far as they moved in this process; the truth is in the database.

    Followers report with ``reached``; queries wait with ``until``. Followers rest a little between batches, so that
    these get larger and cost less, but not those that a query waits for: ``wanted`` names them.
    """

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self._waiting: list[Waiting] = []
        self._wanted = asyncio.Event()

    @property
    def wanted(self) -> frozenset[str]:
        """The read models that a query is waiting for."""
        return frozenset(name for waiting in self._waiting for name in waiting.positions)

    def reached(self, names: Iterable[str], position: int) -> None:
        """Say that the read models have moved to a position, in a transaction that is committed."""
        self.positions.update(dict.fromkeys(names, position))
        for waiting in [waiting for waiting in self._waiting if self._have_reached(waiting.positions)]:
            if not waiting.over.done():
                waiting.over.set_result(None)
            self._leave(waiting)

    def lost(self, name: str) -> None:
        """Say that a read model is not where it was reported to be: the database has lost its last commits."""
        self.positions.pop(name, None)

    def ended(self) -> None:
        """Say that this process follows the log no longer; what it knows of positions goes stale."""
        self.positions.clear()

    async def until(self, positions: Mapping[str, int], seconds: float) -> bool:
        """Wait, no longer than so many seconds, until these read models have reached these positions; tell whether."""
        if self._have_reached(positions):
            return True
        waiting = Waiting(positions, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wanted.set()
        try:
            async with asyncio.timeout(seconds):
                await waiting.over
        except TimeoutError:
            return False
        finally:
            self._leave(waiting)
        return True

    async def rest(self, seconds: float) -> None:
        """Return after some seconds, or as soon as a query waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()

    def _leave(self, waiting: Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if not self._waiting:
            self._wanted.clear()

    def _have_reached(self, positions: Mapping[str, int]) -> bool:
        return all(self.positions.get(name, -1) >= position for name, position in positions.items())
