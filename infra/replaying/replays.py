"""Replaying streams: their facts one by one, each with the state after it.

A stream is read in bounded parts. Who begins in the middle has the facts before that folded without seeing them; states
on that way are kept now and then, so that whoever goes through a long stream page by page need not begin at its first
fact each time. What is kept is a hint: it is folded from the same facts as everything.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from commands.states import FOLDS, fold_of
from domain.event import Actor, Recorded
from domain.rejection import Unavailable
from infra.codec import UnreadableFact, decode
from infra.replaying.told import told_fact, told_state
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: Facts, and bytes of their states, that are read together.
PART = 1_000
PART_BYTES = 4_000_000

#: Bytes of all states that are kept together.
MOST_KEPT = 32_000_000

RETRY_SECONDS = 10


class Unreplayable(Unavailable):
    """The fact at ``position`` cannot be read, or makes no state; nobody is led past it."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__("failed to replay", f"the event at position {position}: {reason}")
        self.retry_after = RETRY_SECONDS


class Step(NamedTuple):
    """A fact, what it says, and the state after it, both as JSON without secrets."""

    fact: Recorded
    said: bytes
    state: bytes

    @property
    def size(self) -> int:
        return len(self.said) + len(self.state)


class Page(NamedTuple):
    """Some steps, the version that they have reached, and whether there is more after it."""

    steps: Sequence[Step]
    reached: int
    more: bool


class Replays:
    """Replays the streams of one log. Everything may raise what an outage of the database raises, and ``Unreplayable``.

    ``database`` is where streams are read.
    """

    def __init__(self, database: Database, most_kept: int = MOST_KEPT) -> None:
        self._database = database
        self._kept = _Kept(most_kept)

    async def tenant_of(self, stream: str) -> str | None:
        """Return whose a stream is, None where there is none."""
        tenant: str | None = await self._database.fetchval(SQL["first"], stream)
        return tenant

    async def length_of(self, stream: str) -> int:
        """Return how many facts a stream has, 0 where there is none."""
        return await self._database.fetchval(SQL["length"], stream) or 0

    async def steps(self, stream: str, after: int = 0) -> AsyncIterator[Step]:
        """Yield the facts with a version greater than ``after``, each with the state after it."""
        state, version = await self._state_at(stream, after)
        async for fact in self._facts(stream, version):
            state = _applied(stream, state, fact)
            yield Step(fact, told_fact(fact.event), told_state(stream, state))

    async def page(self, stream: str, after: int, most: int, most_bytes: int) -> Page:
        """Return steps after a version, within bounds: one is always there if any is.

        A fact that cannot be read ends the page before it. A version beyond the end of the stream is not reached.
        """
        state, version = await self._state_at(stream, after)
        steps: list[Step] = []
        size = 0
        try:
            async for fact in self._facts(stream, version, most + 1):
                if len(steps) == most or size >= most_bytes:
                    self._kept.keep(steps[-1].fact, state)
                    return Page(steps, version, more=True)
                state = _applied(stream, state, fact)
                version = fact.version
                steps.append(Step(fact, told_fact(fact.event), told_state(stream, state)))
                size += steps[-1].size
        except Unreplayable:
            if not steps:
                raise
            return Page(steps, version, more=True)
        return Page(steps, version, more=False)

    async def _state_at(self, stream: str, version: int) -> tuple[Any, int]:
        """Return the state after a version, and that version; of a stream that is shorter, the last."""
        state, reached = await self._kept_before(stream, version)
        while reached < version and (facts := await self._part(stream, reached, version - reached)):
            for fact in facts:
                state = _applied(stream, state, fact)
            reached = facts[-1].version
            self._kept.keep(facts[-1], state)
        return state, reached

    async def _kept_before(self, stream: str, version: int) -> tuple[Any, int]:
        """Return a state that is kept, and its version, unless another fact stands there now: the log was restored."""
        kept = self._kept.before(stream, version)
        if kept is None:
            return None, 0
        row = await self._database.fetchrow(SQL["at"], stream, kept.version)
        if row is None or tuple(row) != kept.fact:
            self._kept.forget(stream)
            return None, 0
        return msgspec.json.decode(kept.state, type=fold_of(stream).snapshot), kept.version

    async def _facts(self, stream: str, after: int, at_once: int = PART) -> AsyncIterator[Recorded]:
        while facts := await self._part(stream, after, at_once):
            for fact in facts:
                yield fact
            after = facts[-1].version

    async def _part(self, stream: str, after: int, most: int = PART) -> Sequence[Recorded]:
        """Return the next facts; one that cannot be read ends them, and raises where it is the first."""
        rows = await self._database.fetch(SQL["part"], stream, after, min(most, PART), PART_BYTES)
        facts: list[Recorded] = []
        try:
            facts.extend(map(_recorded, rows))
        except Unreplayable:
            if not facts:
                raise
        return facts


def is_replayable(stream: str) -> bool:
    """Tell whether streams of this kind have a state."""
    return stream.partition("-")[0] in FOLDS


def _recorded(row: Any) -> Recorded:
    position, stream, version, topic, state, tenant, kind, actor, happened_at, recorded_at, command, cause = row
    try:
        event = decode(topic, state)
    except UnreadableFact as error:
        raise Unreplayable(position, f"cannot read a fact of type {topic}: {error.reason}") from error
    who = Actor(kind, actor)
    return Recorded(position, stream, version, event, tenant, who, happened_at, recorded_at, command, cause)


def _applied(stream: str, state: Any, fact: Recorded) -> Any:
    """Return the state after a fact; folding never refuses one that a command has recorded."""
    try:
        return fold_of(stream).apply(state, fact)
    except Exception as error:
        raise Unreplayable(fact.position, f"it does not follow from what was before it: {error!r}") from error


class _KeptState(NamedTuple):
    """A state at a version, as bytes, and by which fact it came about: its position and command."""

    version: int
    fact: tuple[int, str]
    state: bytes


class _Kept:
    """States at versions of streams, as bytes: a state that goes on changing cannot be kept itself."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._streams: OrderedDict[str, dict[int, _KeptState]] = OrderedDict()

    def keep(self, fact: Recorded, state: Any) -> None:
        """Keep the state after a fact, if it is of a kind that can be read again."""
        stream = fact.stream
        if fold_of(stream).snapshot is None or fact.version in self._streams.get(stream, ()):
            return
        encoded = msgspec.json.encode(state)
        if len(encoded) > self._most // 4:  # one state is not to drive all others out
            return
        kept = self._streams.setdefault(stream, {})
        kept[fact.version] = _KeptState(fact.version, (fact.position, fact.correlation_id), encoded)
        self._size += len(encoded)
        self._streams.move_to_end(stream)
        while self._size > self._most:
            self.forget(next(iter(self._streams)))

    def before(self, stream: str, version: int) -> _KeptState | None:
        """Return the latest state kept of a stream that is not after a version."""
        kept = self._streams.get(stream)
        if kept is None:
            return None
        self._streams.move_to_end(stream)
        found = max((each for each in kept if each <= version), default=None)
        return None if found is None else kept[found]

    def forget(self, stream: str) -> None:
        """Keep nothing of a stream any more."""
        self._size -= sum(len(kept.state) for kept in self._streams.pop(stream, {}).values())
