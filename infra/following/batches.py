"""Reading the log in bounded parts, for read models that look at some of its facts."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Self

import msgspec

from domain.event import Actor, Event, Recorded
from domain.topics import TOPICS, UPCASTERS
from infra.codec import decode
from infra.event_log.tail import End, Tail
from projections.database import Database, named_queries
from projections.read_model import ReadModel

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Bounds(msgspec.Struct, frozen=True):
    """What a batch has at most: facts, and bytes of their states (a single fact may have more)."""

    facts: int = 2_000
    bytes: int = 4_000_000


class Failure(msgspec.Struct, frozen=True):
    """The fact at ``failed_at`` cannot be read or applied; read models that look at it stop at ``position`` before it.

    ``topic`` is given when it cannot be read.
    """

    position: int
    failed_at: int
    error: Exception
    topic: str = ""

    def concerns(self, model: ReadModel) -> bool:
        """Tell whether the read model looks at facts of that topic; one that nobody knows might concern any."""
        return not model.facts or _fact_of(self.topic) in (None, *model.facts)


class Batch(msgspec.Struct, frozen=True):
    """All facts that concern some read models, with positions greater than ``after`` and not greater than ``upto``.

    ``unreadable`` is the fact behind ``upto`` when that is why the batch ends there. ``kinds`` are the types of the
    facts, and maybe more.
    """

    after: int
    upto: int
    facts: Sequence[Recorded]
    unreadable: Failure | None = None
    kinds: frozenset[type[Event]] = frozenset()

    def part(self, begin: int, end: int) -> Self:
        """Return the facts from index ``begin`` to index ``end``, as a batch that others can follow without a gap."""
        return type(self)(
            self.facts[begin - 1].position if begin else self.after,
            self.facts[end - 1].position if end < len(self.facts) else self.upto,
            self.facts[begin:end],
            kinds=self.kinds,
        )

    def of_interest(self, model: ReadModel) -> Sequence[Recorded]:
        """Return the facts that the read model looks at."""
        if not model.facts:
            return self.facts
        looked_at = _set_of(model.facts)
        if self.kinds and self.kinds.isdisjoint(looked_at):
            return ()
        return [fact for fact in self.facts if type(fact.event) in looked_at]


def last_batch(tail: Tail, models: Collection[ReadModel], after: int, end: End, bounds: Bounds) -> Batch | None:
    """Return the facts that concern at least one of the read models, if this process has just appended all of them."""
    if not tail.covers(after, end):
        return None
    upto = end.position
    wanted = None if not all(model.facts for model in models) else _wanted(tuple(model.facts for model in models))
    facts = list(islice(tail.facts(after, upto, wanted), bounds.facts))
    last = upto if len(facts) < bounds.facts else facts[-1].position
    return Batch(after, last, facts, kinds=frozenset(type(fact.event) for fact in facts))


@lru_cache
def _wanted(looked_at: tuple[tuple[type[Event], ...], ...]) -> frozenset[type[Event]]:
    return frozenset(fact for facts in looked_at for fact in facts)


async def read_batch(database: Database, models: Collection[ReadModel], after: int, upto: int, bounds: Bounds) -> Batch:
    """Read facts that concern at least one of the read models, as many as the bounds allow and as can be decoded."""
    rows = await database.fetch(SQL["batch"], after, upto, _ignored(models), bounds.facts, bounds.bytes)
    facts: list[Recorded] = []
    size = 0
    for row in rows:  # the hot loop of the followers: one pass, each column looked at once
        position, stream, version, topic, state, tenant, kind, actor, happened, recorded, command, cause = row
        size += len(state)
        try:
            event = decode(topic, state)
        except Exception as error:  # noqa: BLE001  (a fact that cannot be read stops its readers, whatever the reason)
            return Batch(after, position - 1, facts, Failure(position - 1, position, error, topic))
        who = _actor(kind, actor)
        facts.append(Recorded(position, stream, version, event, tenant, who, happened, recorded, command, cause))
    whole = len(rows) < bounds.facts and size < bounds.bytes
    last = upto if whole else facts[-1].position
    return Batch(after, last, facts, kinds=frozenset(type(fact.event) for fact in facts))


def _ignored(models: Iterable[ReadModel]) -> list[str]:
    """Return the topics that none of the read models looks at; a topic that nobody knows is not among them."""
    looked_at = [model.facts for model in models]
    if not all(looked_at):
        return []
    wanted = {fact for facts in looked_at for fact in facts}
    return sorted(topic for topic in (*TOPICS, *UPCASTERS) if _fact_of(topic) not in wanted)


def _fact_of(topic: str) -> type[Event] | None:
    """Return the fact that a topic stands for today, ``None`` when the topic is unknown."""
    while topic in UPCASTERS:
        topic, _ = UPCASTERS[topic]
    return TOPICS.get(topic)


@lru_cache(maxsize=4_096)
def _actor(kind: Any, id: str) -> Actor:  # noqa: A002  (the name it has in the fact's envelope)
    return Actor(kind, id)


@lru_cache
def _set_of(facts: tuple[type[Event], ...]) -> frozenset[type[Event]]:
    return frozenset(facts)
