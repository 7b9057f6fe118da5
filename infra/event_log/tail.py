"""The last facts that this process appended, for the followers beside it.

Most of what followers read was appended by their own process a moment ago. Reading and decoding it again costs as much
as projecting it. The log stays the truth: the tail knows only what is committed, without a gap up to its end, and
whatever it does not cover is read.
"""

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.event import Actor, Append, Event, Recorded

#: Facts that are kept at least, while so many have been appended.
KEPT = 10_000


class Appended(NamedTuple):
    """What one command appended, with the envelope that its facts share; ``first`` is the position of the first."""

    first: int
    size: int
    appends: Sequence[Append]
    tenant: str
    actor: Actor
    happened_at: datetime
    recorded_at: datetime
    command_id: str
    causation_id: str | None


class End(NamedTuple):
    """Where the log ended at some moment, and the command of the fact there (None while the log is empty)."""

    position: int
    command: str | None


class Tail:
    """What was appended last, in the order of positions."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._appended: list[Appended] = []
        self._firsts: list[int] = []
        self._next = 0

    def add(self, appended: Appended) -> None:
        """Keep what a command appended; a gap before it, where others have appended, makes all before it useless."""
        if appended.first != self._next:
            self.clear()
        self._appended.append(appended)
        self._firsts.append(appended.first)
        self._next = appended.first + appended.size
        if self._next - self._firsts[0] > 2 * self._kept:
            self._shorten()

    def clear(self) -> None:
        """Forget everything: positions may have been taken that this process does not know of."""
        self._appended.clear()
        self._firsts.clear()
        self._next = 0

    def covers(self, after: int, end: End) -> bool:
        """Tell whether all facts after a position and up to an end of the log are here.

        They are not where that end is of another command here: then the log has lost what this process appended.
        """
        if not self._firsts or not self._firsts[0] <= after + 1 <= end.position < self._next:
            return False
        return self._appended[bisect_right(self._firsts, end.position) - 1].command_id == end.command

    def facts(self, after: int, upto: int, wanted: Container[type[Event]] | None) -> Iterator[Recorded]:
        """Yield the facts between two positions that are covered, those of wanted types only if these are given."""
        start = max(bisect_right(self._firsts, after + 1) - 1, 0)
        for appended in self._appended[start:]:
            if appended.first > upto:
                return
            yield from _between(appended, after, upto, wanted)

    def _shorten(self) -> None:
        cut = bisect_right(self._firsts, self._next - self._kept) - 1
        del self._appended[:cut], self._firsts[:cut]


def _between(appended: Appended, after: int, upto: int, wanted: Container[type[Event]] | None) -> Iterator[Recorded]:
    position = appended.first - 1
    _, _, appends, tenant, actor, happened_at, recorded_at, command_id, causation_id = appended
    for append in appends:
        version = append.expected
        for event in append.events:
            position += 1
            version += 1
            if after < position <= upto and (wanted is None or type(event) in wanted):
                yield Recorded(
                    position,
                    append.stream,
                    version,
                    event,
                    tenant,
                    actor,
                    happened_at,
                    recorded_at,
                    command_id,
                    causation_id,
                )
