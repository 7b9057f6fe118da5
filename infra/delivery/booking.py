"""Writing down what is to be delivered, within a transaction of the scheduler's."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from domain.event import Event
from domain.webhooks.events import (
    WebhookChanged,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRedeliveryRequested,
    WebhookReplayRequested,
)
from infra.delivery.messages import body_of
from infra.delivery.stretches import MOST_BYTES, SQL, Stretch, Told
from infra.delivery.subscriptions import Subscriptions
from infra.event_feed.cloud_events import Source
from infra.event_feed.entries import Entry, entry_of
from projections.database import Database

log = structlog.get_logger(__name__)


class Moved(Exception):
    """Somebody else has scheduled what was about to be."""


class Row(NamedTuple):
    """A delivery as it is written down first."""

    webhook: str
    position: int
    era: str
    sequence: int
    type: str
    body: bytes
    traceparent: str | None


class Book:
    """Where deliveries are written down at one time; ``known`` are the webhooks, and go along.

    ``due`` are those that have something to be sent now, ``scheduled`` is how many deliveries that is.
    """

    def __init__(self, session: Database, known: Subscriptions, log_name: Source, now: datetime) -> None:
        self.known = known
        self.due: set[str] = set()
        self.scheduled = 0
        self._session = session
        self._log_name = log_name
        self._now = now

    async def take(self, stretch: Stretch, silent_upto: int) -> None:
        """Write down a stretch: what is told, and what facts about webhooks ask for."""
        facts = {fact.position: fact for fact in stretch.facts}
        told = {one.entry.position: one for one in stretch.told}
        rows: list[Row] = []
        asked: list[tuple[str, Entry, Event]] = []
        for position in sorted(facts.keys() | told.keys()):
            folded = self.known.fold(facts[position]) if position in facts else None
            if folded is not None:
                asked.append((folded[0].id, facts[position], folded[1]))
            rows += self._rows(told.get(position))
        await self.write_webhooks()
        await self._schedule(row for row in rows if self.known.get(row.webhook))  # none of one deleted meanwhile
        for webhook, entry, event in asked:
            if entry.position > silent_upto:
                await self._act(webhook, entry, event)
        await self.write_webhooks()

    async def again(self, webhook: str, told: Sequence[Told]) -> None:
        """Have events delivered to a webhook for the first time, or once more, though they cannot be read by now."""
        rescheduled = await self._session.fetch(
            SQL["reschedule"], webhook, [one.entry.position for one in told], self._now
        )
        there = {position for (position,) in rescheduled}
        self.scheduled += len(there)
        rows: list[Row] = []
        for one in told:
            position, fault = one.entry.position, one.entry.fault
            if fault and position not in there:
                log.error("an event cannot be delivered on request", webhook=webhook, position=position, error=fault)
            elif position not in there:
                rows += self._rows(one)
        await self._schedule(rows)
        if told:
            self.due.add(webhook)

    async def move(self, after: int, upto: int) -> None:
        """Write down up to where the log has been told; raise ``Moved`` where that is not what it was thought to be."""
        if await self._session.fetchval(SQL["move"], after, upto) is None:
            raise Moved

    async def fold_again(self, facts: Iterable[Entry]) -> None:
        """Have webhooks be what all facts about them come to; their numbers go on."""
        self.known.begin_again()
        for fact in facts:
            self.known.fold(fact)
        await self.write_webhooks()

    async def advance(self, webhook: str, requested_at: int, position: int, upto: int) -> None:
        """Write down how far a replay has come."""
        if position < upto:
            await self._session.execute(SQL["advance_replay"], webhook, requested_at, position)
        else:
            await self._session.execute(SQL["end_replay"], webhook, requested_at)

    async def write_webhooks(self) -> None:
        """Write down what has become of webhooks."""
        changed = [one for one in map(self.known.get, sorted(self.known.changed)) if one is not None]
        gone = self.known.changed - {one.id for one in changed}
        if changed:
            rows = [
                (one.id, one.webhook.tenant, one.state, one.active, one.webhook.ordered, one.sequence)
                for one in changed
            ]
            await self._session.execute(SQL["write_webhooks"], *map(list, zip(*rows, strict=True)))
        if gone:
            await self._session.execute(SQL["forget_webhooks"], list(gone))
        self.known.changed.clear()

    def _rows(self, told: Told | None) -> list[Row]:
        return [] if told is None else [self._row(webhook, told.entry) for webhook in told.webhooks]

    def _row(self, webhook: str, entry: Entry) -> Row:
        sequence = self.known.numbered(webhook)
        body = body_of(entry, self._log_name, sequence)
        era = self._log_name.era_at(entry.position)
        return Row(webhook, entry.position, era, sequence, entry.topic, body, entry.traceparent)

    async def _schedule(self, rows: Iterable[Row]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            await self._session.execute(SQL["schedule"], *columns, self._now)
            self.due.update(columns[0])
            self.scheduled += len(columns[0])

    async def _act(self, webhook: str, entry: Entry, event: Event) -> None:
        match event:
            case WebhookChanged(url=str()):
                await self._session.execute(SQL["move_away"], webhook)
            case WebhookEnabled():
                await self._enable(webhook)
            case WebhookDisabled() | WebhookDeleted():
                await self._session.execute(SQL["settle"], [webhook])
            case WebhookRedeliveryRequested():
                await self._redeliver(webhook, entry, event.position)
            case WebhookReplayRequested():
                replay = (webhook, entry.position, event.after, min(event.upto, entry.position))
                if self.known.get(webhook):
                    await self._session.execute(SQL["add_replay"], *replay)

    async def _enable(self, webhook: str) -> None:
        """Begin anew with what waits, at once; what an ordered webhook was stuck at is pending again."""
        stuck_at = await self._session.fetchval(SQL["stuck_at"], webhook)
        await self._session.execute(SQL["enable"], webhook)
        if stuck_at is not None:
            await self._session.fetch(SQL["reschedule"], webhook, [stuck_at], self._now)
        await self._session.execute(SQL["hurry"], webhook, self._now)
        self.due.add(webhook)

    async def _redeliver(self, webhook: str, request: Entry, position: int) -> None:
        """Have the event of a position delivered, if it is the tenant's and was there when that was asked for."""
        rows = await self._session.fetch(SQL["entries"], [position], MOST_BYTES)
        entry = entry_of(rows[0]) if rows else None
        if entry is None or entry.tenant != request.tenant or position > request.position:
            return
        if self.known.get(webhook):
            await self.again(webhook, (Told(entry, (webhook,)),))
