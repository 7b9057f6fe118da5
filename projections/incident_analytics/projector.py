"""Counts the incidents of each tenant by severity, and those that are resolved with what that took."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domain.event import Event, Recorded
from domain.identity import incident_of
from domain.incidents.events import (
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentSeverityChanged,
    IncidentStartBackdated,
)
from projections.database import Database, named_queries
from projections.folding import begun_before, listed
from projections.read_model import ReadModel
from projections.time_spans import SPANS, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Incident(msgspec.Struct):
    """What an incident is counted as, in the order of its table."""

    incident: str
    tenant: str
    severity: int
    created_at: int
    started_at: int
    resolved_at: int | None = None


class Counts(msgspec.Struct):
    """More, or fewer, in a span, in the order of the table."""

    tenant: str
    severity: int
    span: int
    begins: int
    incidents: int = 0
    resolved: int = 0
    recovery: int = 0


def _backdated(incident: Incident, _fact: Recorded, event: IncidentStartBackdated) -> None:
    incident.started_at = milliseconds(event.started_at)


def _severity_changed(incident: Incident, _fact: Recorded, event: IncidentSeverityChanged) -> None:
    incident.severity = event.after


def _resolved(incident: Incident, fact: Recorded, _event: IncidentResolved) -> None:
    incident.resolved_at = milliseconds(fact.happened_at)


def _reopened(incident: Incident, _fact: Recorded, _event: IncidentReopened) -> None:
    incident.resolved_at = None


CHANGES: Mapping[type[Event], Callable[[Incident, Recorded, Any], None]] = {
    IncidentStartBackdated: _backdated,
    IncidentSeverityChanged: _severity_changed,
    IncidentResolved: _resolved,
    IncidentReopened: _reopened,
}

FACTS: tuple[type[Event], ...] = (IncidentOpened, *CHANGES)


class Batch:
    """New incidents, those that were there before, and what the counts have to be changed by.

    Each severity that an incident ever had has its counts, be they 0: which there are must not depend on where batches
    end.
    """

    def __init__(self, there: Mapping[str, Incident]) -> None:
        self.opened: dict[str, Incident] = {}
        self.there = there
        self._counts: dict[tuple[str, int, int, int], Counts] = {}

    def apply(self, fact: Recorded) -> None:
        event, ulid = fact.event, incident_of(fact.stream)
        if isinstance(event, IncidentOpened):
            at = milliseconds(fact.happened_at)
            incident = self.opened[ulid] = Incident(ulid, fact.tenant, event.severity, at, at)
        else:
            incident = self.opened.get(ulid) or self.there[ulid]
            self._count(incident, -1)
            CHANGES[type(event)](incident, fact, event)
        self._count(incident, 1)

    def counts(self) -> Iterator[Counts]:
        yield from self._counts.values()

    def _count(self, incident: Incident, more: int) -> None:
        for span in SPANS:
            key = (incident.tenant, incident.severity, span, incident.created_at // span * span)
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = Counts(*key)
            counts.incidents += more
            if incident.resolved_at is not None:
                counts.resolved += more
                counts.recovery += more * max(incident.resolved_at - incident.started_at, 0)


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    told = [fact for fact in facts if isinstance(fact.event, FACTS)]
    if not told:
        return
    batch = Batch(await _there_before(told, db))
    for fact in told:
        batch.apply(fact)
    if batch.opened:
        await db.execute(SQL["insert"], listed(batch.opened.values()))
    if batch.there:
        await db.execute(SQL["update"], listed(batch.there.values()))
    await db.execute(SQL["count"], listed(batch.counts()))


async def _there_before(facts: Sequence[Recorded], db: Database) -> Mapping[str, Incident]:
    """Read what those incidents are counted as that the batch changes but does not open."""
    changed = begun_before(facts, IncidentOpened)
    if not changed:
        return {}
    rows = await db.fetch(SQL["incidents"], sorted(map(incident_of, changed)))
    return {row["incident"]: Incident(*row) for row in rows}


READ_MODEL = ReadModel(
    name="incident_analytics",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("incident_analytics", "incident_analytics_incidents"),
    project=project,
    facts=FACTS,
)
