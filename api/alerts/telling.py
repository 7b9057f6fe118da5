"""An incident in the words of alerts: its row, and what was done about it (contracts/incidents.md 0.2, 4.3)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from api.alerts.bodies import AlertIncident, AlertMetadata, AlertNote, AlertStatusChange
from api.incidents.ids import INCIDENT_IDS, RULE_IDS
from domain.incidents.dialects import ALERTS
from domain.incidents.status import Status
from domain.timestamps import iso_milliseconds
from projections.incident_list.queries import ListedIncident
from projections.incident_timeline.queries import TimelineEntry

NOTE = "incident.note_added"


def told(row: ListedIncident, work: Sequence[TimelineEntry]) -> AlertIncident:
    """Return an incident as clients see it; ``work`` has its notes and changes of status, the oldest first."""
    return AlertIncident(
        id=INCIDENT_IDS.of(row.incident),
        tenant_id=row.tenant,
        rule_id=None if row.rule_id is None else RULE_IDS.of(row.rule_id),
        rule_name=row.rule_name,
        metric=row.metric,
        threshold=row.threshold,
        actual_value=row.actual,
        severity=ALERTS.severities[row.severity],
        status=ALERTS.statuses[row.status],
        assigned_to=row.assignee,
        notes=[_note(entry) for entry in work if entry.kind == NOTE],
        status_history=[*_history(row, work)],
        fired_at=iso_milliseconds(row.created_at),
        acknowledged_at=stamp(row.acknowledged_at),
        resolved_at=stamp(row.resolved_at),
        resolved_by=row.resolved_by,
        closed_at=stamp(row.closed_at or row.canceled_at),
        metadata=AlertMetadata(row.operator, row.window_minutes, row.sample_count, row.scope),
        created_at=iso_milliseconds(row.created_at),
        updated_at=iso_milliseconds(row.updated_at),
    )


def stamp(at: datetime | None) -> str | None:
    """Do the same with a moment that may not have come."""
    return None if at is None else iso_milliseconds(at)


def _note(entry: TimelineEntry) -> AlertNote:
    author = entry.actor_id
    return AlertNote(
        author, entry.email or None, entry.email or author, entry.text, iso_milliseconds(entry.happened_at)
    )


def _history(row: ListedIncident, work: Sequence[TimelineEntry]) -> Iterator[AlertStatusChange]:
    """Yield a change whenever the word that alerts has for the status is another one than before."""
    word = ALERTS.statuses[Status.OPEN]
    yield AlertStatusChange(word, row.opened_by, iso_milliseconds(row.created_at))
    for entry in work:
        if entry.after is None:
            continue
        before, word = word, ALERTS.statuses[Status(entry.after)]
        if word != before:
            yield AlertStatusChange(word, entry.actor_id, iso_milliseconds(entry.happened_at))
