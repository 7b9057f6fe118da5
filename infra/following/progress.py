"""How far the followers of this process have come, for queries in the same process that wait for them."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress


class Progress:
    """Positions of read models, as far as they moved in this process; the truth is in the database.

    Followers report with ``reached``; queries wait with ``until``. Followers rest a little between batches, so that
    these get larger and cost less, but not while a query waits: ``wanted`` tells.
    """

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self._waiting = 0
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether a query is waiting."""
        return self._waiting > 0

    def reached(self, names: Iterable[str], position: int) -> None:
        """Say that the read models have moved to a position, in a transaction that is committed."""
        self.positions.update(dict.fromkeys(names, position))
        self._moved.set()
        self._moved = asyncio.Event()

    def ended(self) -> None:
        """Say that this process follows the log no longer; what it knows of positions goes stale."""
        self.positions.clear()

    async def until(self, positions: Mapping[str, int], seconds: float) -> bool:
        """Wait, no longer than so many seconds, until these read models have reached these positions; tell whether."""
        self._waiting += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(seconds):
                while not self._have_reached(positions):
                    await self._moved.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()
        return True

    async def rest(self, seconds: float) -> None:
        """Return after some seconds, or as soon as a query waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()

    def _have_reached(self, positions: Mapping[str, int]) -> bool:
        return all(self.positions.get(name, -1) >= position for name, position in positions.items())
