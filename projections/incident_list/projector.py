"""Keeps a row for each incident, as it stands, and counts incidents by status and severity."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.event import Event, Recorded
from domain.identity import incident_of
from domain.incidents.events import (
    DuplicateMerged,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentCanceled,
    IncidentClosed,
    IncidentFieldChanged,
    IncidentMerged,
    IncidentNoteAdded,
    IncidentOpened,
    IncidentRecurred,
    IncidentReopened,
    IncidentResolved,
    IncidentSeverityChanged,
    IncidentStartBackdated,
    IncidentStatusChanged,
)
from domain.incidents.status import UNRESOLVED, Status
from projections.database import Database, named_queries
from projections.folding import begun_before, listed
from projections.incident_list.causes import row_of
from projections.incident_list.rows import Count, Row, Standing, subjects_of
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")

#: The statuses of an incident that somebody has begun to work on.
WORKED_ON = UNRESOLVED - {Status.OPEN}

#: What a fact does to how an incident stands, beside the time of its last change.
Change = Callable[[Standing, Recorded, Any], None]


def _nothing(_standing: Standing, _fact: Recorded, _event: Event) -> None:
    pass


def _backdated(standing: Standing, _fact: Recorded, event: IncidentStartBackdated) -> None:
    standing.started_at = event.started_at


def _recurred(standing: Standing, _fact: Recorded, event: IncidentRecurred) -> None:
    standing.failure_count += 1
    known = standing.affected_regions
    standing.affected_regions = [*known, *(region for region in event.regions if region not in known)]


def _acknowledged(standing: Standing, fact: Recorded, _event: IncidentAcknowledged) -> None:
    _move(standing, Status.ACKNOWLEDGED, fact.happened_at)


def _status_changed(standing: Standing, fact: Recorded, event: IncidentStatusChanged) -> None:
    _move(standing, event.after, fact.happened_at)


def _move(standing: Standing, status: Status, at: datetime) -> None:
    standing.status = status
    if status in WORKED_ON and standing.acknowledged_at is None:
        standing.acknowledged_at = at


def _severity_changed(standing: Standing, _fact: Recorded, event: IncidentSeverityChanged) -> None:
    standing.severity = event.after


def _field_changed(standing: Standing, _fact: Recorded, event: IncidentFieldChanged) -> None:
    setattr(standing, event.field, event.after)


def _assigned(standing: Standing, _fact: Recorded, event: IncidentAssigned) -> None:
    standing.assignee = event.assignee or None


def _resolved(standing: Standing, fact: Recorded, _event: IncidentResolved) -> None:
    standing.status, standing.resolved_at, standing.resolved_by = Status.RESOLVED, fact.happened_at, fact.actor.id


def _closed(standing: Standing, fact: Recorded, _event: IncidentClosed) -> None:
    standing.status, standing.closed_at = Status.CLOSED, fact.happened_at


def _canceled(standing: Standing, fact: Recorded, _event: IncidentCanceled) -> None:
    standing.status, standing.canceled_at = Status.CANCELED, fact.happened_at


def _reopened(standing: Standing, _fact: Recorded, _event: IncidentReopened) -> None:
    """Begin a new cycle: what was stamped in the one before is history."""
    standing.status = Status.OPEN
    standing.acknowledged_at = standing.resolved_at = standing.closed_at = None
    standing.resolved_by = standing.merged_into = None


def _merged(standing: Standing, _fact: Recorded, event: IncidentMerged) -> None:
    standing.merged_into = event.into


CHANGES: Mapping[type[Event], Change] = {
    IncidentStartBackdated: _backdated,
    IncidentRecurred: _recurred,
    IncidentAcknowledged: _acknowledged,
    IncidentStatusChanged: _status_changed,
    IncidentSeverityChanged: _severity_changed,
    IncidentFieldChanged: _field_changed,
    IncidentAssigned: _assigned,
    IncidentNoteAdded: _nothing,
    IncidentResolved: _resolved,
    IncidentClosed: _closed,
    IncidentReopened: _reopened,
    IncidentCanceled: _canceled,
    IncidentMerged: _merged,
    DuplicateMerged: _nothing,
}

FACTS: tuple[type[Event], ...] = (IncidentOpened, *CHANGES)


class Batch:
    """New incidents, those that were there before, and what the counts have to be changed by.

    Each status and severity that an incident ever had has its count, be it 0: which counts there are must not depend
    on where batches end.
    """

    def __init__(self, there: Mapping[str, Standing]) -> None:
        self.rows: dict[str, Row] = {}
        self.there = there
        self._tally: dict[tuple[str, str, str, int], int] = {}

    def apply(self, fact: Recorded) -> None:
        event, incident = fact.event, incident_of(fact.stream)
        if isinstance(event, IncidentOpened):
            standing: Standing = self.rows.setdefault(incident, row_of(incident, fact, event))
        else:
            standing = self.rows.get(incident) or self.there[incident]
            self._count(standing, -1)
            CHANGES[type(event)](standing, fact, event)
            standing.updated_at = fact.happened_at
        self._count(standing, 1)

    def counts(self) -> Iterator[Count]:
        for key, more in self._tally.items():
            yield Count(*key, more)

    def _count(self, standing: Standing, more: int) -> None:
        for subject in subjects_of(standing.check_id, standing.rule_id):
            key = (standing.tenant, subject, standing.status, standing.severity)
            self._tally[key] = self._tally.get(key, 0) + more


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    told = [fact for fact in facts if isinstance(fact.event, FACTS)]
    if not told:
        return
    batch = Batch(await _there_before(told, db))
    for fact in told:
        batch.apply(fact)
    if batch.rows:
        await db.execute(SQL["insert"], listed(batch.rows.values()))
    if batch.there:
        await db.execute(SQL["update"], listed(batch.there.values()))
    await db.execute(SQL["tally"], listed(batch.counts()))


async def _there_before(facts: Sequence[Recorded], db: Database) -> Mapping[str, Standing]:
    """Read how those incidents stand that the batch changes but does not open."""
    changed = begun_before(facts, IncidentOpened)
    if not changed:
        return {}
    rows = await db.fetch(SQL["standings"], sorted(map(incident_of, changed)))
    return {row["incident"]: Standing(*row) for row in rows}


READ_MODEL = ReadModel(
    name="incident_list",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("incident_list", "incident_list_counts"),
    project=project,
    facts=FACTS,
)
