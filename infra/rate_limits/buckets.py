"""Buckets of requests: each is filled anew at every full minute of the wall clock (contracts/incidents.md 0.6).

A minute that is the same for all is what the headers of the APIs about incidents can tell: how much is left, and when
there is more.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

MINUTE = 60


class Taken(NamedTuple):
    """How a bucket stands after a request: of ``limit`` requests this was the ``number``-th in this minute.

    ``reset`` is the end of the minute in unix seconds, ``wait`` the seconds until then, at least 1.
    """

    limit: int
    number: int
    reset: int
    wait: int

    @property
    def passes(self) -> bool:
        return self.number <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.number)


class Buckets(Protocol):
    """Where requests are counted."""

    async def take(self, name: str, limit: int) -> Taken:
        """Count a request to the bucket ``name``, which holds ``limit`` in each minute; never fail, never wait long."""


class Minute(NamedTuple):
    """A minute of the wall clock, counted from 1970, and the second of it that it is now."""

    number: int
    second: int

    def taken(self, limit: int, number: int) -> Taken:
        return Taken(limit, number, (self.number + 1) * MINUTE, MINUTE - self.second)


class Counts:
    """How often each bucket was taken from in this minute, in this process. Nothing is kept beyond the minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def add(self, name: str, limit: int, minute: int) -> int:
        """Return the number of a request, which counts when it is within the limit."""
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        number = self._counts.get(name, 0) + 1
        if number <= limit:
            self._counts[name] = number
        return number


class MemoryBuckets:
    """The buckets of a node that shares them with nobody. ``wall`` is the clock on the wall."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._counts = Counts()

    async def take(self, name: str, limit: int) -> Taken:
        minute = minute_of(self._wall())
        return minute.taken(limit, self._counts.add(name, limit, minute.number))


def minute_of(moment: datetime) -> Minute:
    return Minute(*divmod(int(moment.timestamp()), MINUTE))
