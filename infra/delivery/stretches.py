"""Which events of a stretch of the log are delivered to which webhooks.

A webhook gets what it wants of its tenant's events from behind the fact that created or enabled it, up to the one that
disables or deletes it. A test is for the webhook that it is about, whatever that wants.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from domain.rejection import Unavailable
from domain.webhooks.events import WebhookCreated, WebhookEnabled, WebhookTested
from infra.codec import UnknownTopic, knows
from infra.delivery.subscriptions import Subscription, Subscriptions
from infra.event_feed.entries import Entry, entry_of
from infra.event_feed.processes import StreamProcesses
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: What is looked at together at most: positions, events of tenants with webhooks, deliveries (of one event there may be
#: more), and bytes of events, as often as they are written down (a single one may have more).
READ = 20_000
MOST_EVENTS = 2_000
MOST_DELIVERIES = 2_000
MOST_BYTES = 4_000_000


class Failure(NamedTuple):
    """The event at ``position`` cannot be read; nothing behind it is delivered until it can.

    ``unknown`` is given when that is because nobody here knows its topic.
    """

    position: int
    error: str
    unknown: UnknownTopic | None = None


class Told(NamedTuple):
    """An event, and the webhooks that are told of it."""

    entry: Entry
    webhooks: Sequence[str]


class Stretch(NamedTuple):
    """What happens from behind ``after`` up to ``upto``: facts about webhooks, and what webhooks are told of."""

    after: int
    upto: int
    facts: Sequence[Entry] = ()
    told: Sequence[Told] = ()
    failure: Failure | None = None

    def cut(self, upto: int, failure: Failure | None = None) -> "Stretch":
        """Return what there is of it up to a position."""
        facts = [fact for fact in self.facts if fact.position <= upto]
        told = [one for one in self.told if one.entry.position <= upto]
        return Stretch(self.after, upto, facts, told, failure)


class Wish(NamedTuple):
    """A webhook wants the event of a position, if its stream belongs to a process (none: in any case)."""

    position: int
    stream: str
    tenant: str
    webhook: str
    process: str


class Stretches:
    """Reads the log for those who deliver it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._processes = StreamProcesses(database)

    async def read(self, known: Subscriptions, after: int, head: int, silent_upto: int) -> Stretch:
        """Return the next stretch, given the webhooks as they are at its beginning. Up to a position none is told."""
        upto = min(after + READ, head)
        rows = await self._database.fetch(SQL["facts_of_webhooks"], after, upto)
        stretch = _readable(Stretch(after, upto, [entry_of(row) for row in rows]))
        tenants = known.tenants() | {fact.tenant for fact in stretch.facts}
        if not tenants or stretch.upto <= max(silent_upto, after):
            return stretch
        places = await self._database.fetch(SQL["places"], after, stretch.upto, list(tenants), MOST_EVENTS)
        if len(places) == MOST_EVENTS:
            stretch = stretch.cut(places[-1][0])
        wishes, upto = _bounded(_wishes(known.copy(), stretch.facts, places, silent_upto), stretch.upto)
        cut = stretch if upto == stretch.upto else stretch.cut(upto)
        return await self._told(cut, wishes)

    async def replayed(self, subscription: Subscription, after: int, upto: int) -> Stretch:
        """Return what a webhook wants, as it is now, of a stretch of the past."""
        tenant = subscription.webhook.tenant
        stretch = Stretch(after, min(after + READ, upto))
        places = await self._database.fetch(SQL["places"], after, stretch.upto, [tenant], MOST_EVENTS)
        if len(places) == MOST_EVENTS:
            stretch = stretch.cut(places[-1][0])
        wanted = [place for place in places if subscription.webhook.wants(place[2])]
        wishes = [_wish(subscription, position, stream) for position, stream, _, _ in wanted]
        return await self._told(stretch, wishes)

    async def _told(self, stretch: Stretch, wishes: Sequence[Wish]) -> Stretch:
        """Return the stretch with the events that are wished for, as far as they can be read."""
        try:
            granted = await self._of_processes(wishes)
        except Unavailable as error:  # the first event of a stream cannot be read: whose process it is nobody knows
            first = next(wish.position for wish in wishes if wish.process)
            return stretch.cut(first - 1, Failure(first, error.detail))
        by_position: defaultdict[int, list[str]] = defaultdict(list)
        for wish in granted:
            by_position[wish.position].append(wish.webhook)
        if not by_position:
            return stretch
        rows = await self._database.fetch(SQL["entries"], list(by_position), MOST_BYTES)
        told = _first_of([Told(entry, by_position[entry.position]) for entry in map(entry_of, rows)])
        whole = stretch._replace(told=told)
        return _readable(whole if len(told) == len(by_position) else whole.cut(told[-1].entry.position))

    async def _of_processes(self, wishes: Sequence[Wish]) -> Sequence[Wish]:
        """Return the wishes for events of the right processes."""
        asked: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for wish in wishes:
            if wish.process:
                asked[wish.tenant, wish.process].add(wish.stream)
        found = {of: await self._processes.of_process(streams, *of) for of, streams in asked.items()}
        return [wish for wish in wishes if not wish.process or wish.stream in found[wish.tenant, wish.process]]


def _wishes(
    known: Subscriptions, facts: Iterable[Entry], places: Iterable[Any], silent_upto: int
) -> Iterator[tuple[int, list[Wish]]]:
    """Yield each place with what is wished for of it, while ``known`` goes along."""
    by_position = {fact.position: fact for fact in facts}
    wants: dict[tuple[str, str], bool] = {}
    for position, stream, topic, tenant in places:
        own = _folded(known, by_position.get(position), wants)
        if position > silent_upto:
            yield (
                position,
                [
                    _wish(one, position, stream, anyway=one.id in own)
                    for one in known.of_tenant(tenant)
                    if own.get(one.id, True) and (one.id in own or _wants(one, topic, wants))
                ],
            )


def _folded(known: Subscriptions, fact: Entry | None, wants: dict[tuple[str, str], bool]) -> Mapping[str, bool]:
    """Apply a fact; where it says by itself whether its webhook is told of it, return that."""
    folded = None if fact is None else known.fold(fact)
    if folded is None:
        return {}
    wants.clear()
    subscription, event = folded
    if isinstance(event, WebhookTested):
        return {subscription.id: True}
    return {subscription.id: False} if isinstance(event, (WebhookCreated, WebhookEnabled)) else {}


def _wants(one: Subscription, topic: str, wants: dict[tuple[str, str], bool]) -> bool:
    found = wants.get((one.id, topic))
    if found is None:
        found = wants[one.id, topic] = one.webhook.wants(topic)
    return found


def _wish(one: Subscription, position: int, stream: str, *, anyway: bool = False) -> Wish:
    process = "" if anyway else one.webhook.process_key
    return Wish(position, stream, one.webhook.tenant, one.id, process)


def _bounded(steps: Iterator[tuple[int, list[Wish]]], upto: int) -> tuple[list[Wish], int]:
    """Return what is wished for, and up to where that goes; all of one position, or nothing."""
    wishes: list[Wish] = []
    for position, more in steps:
        wishes += more
        if len(wishes) >= MOST_DELIVERIES:
            return wishes, position
    return wishes, upto


def _first_of(told: Sequence[Told]) -> Sequence[Told]:
    """Return as many as are not too large, each written down for all its webhooks; one in any case."""
    sizes = accumulate(len(one.entry.state) * len(one.webhooks) for one in told)
    return told[: bisect_left(list(sizes), MOST_BYTES) + 1]


def _readable(stretch: Stretch) -> Stretch:
    """Return the stretch before the first of its events that cannot be read."""
    entries = [*stretch.facts, *(one.entry for one in stretch.told)]
    first = min((entry for entry in entries if entry.fault), default=None, key=lambda entry: entry.position)
    if first is None:
        return stretch
    failure = Failure(first.position, first.fault, None if knows(first.topic) else UnknownTopic(first.topic))
    return stretch.cut(failure.position - 1, failure)
