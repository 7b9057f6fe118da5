"""An incident as uptime shows it (contracts/incidents.md 3.2). Times are epoch milliseconds, null when unset."""

from datetime import datetime, timedelta

import msgspec

from api.incidents.ids import CHECK_IDS, INCIDENT_IDS
from api.uptime.incident_bodies import TYPES
from domain.incidents.dialects import UPTIME
from domain.timestamps import EPOCH
from projections.incident_list.queries import ListedIncident


class IncidentView(msgspec.Struct, frozen=True):
    """``type`` is one of uptime's seven words; an incident that did not come from monitoring has none, and no check."""

    id: str
    check_id: str | None
    check_name: str | None
    check_url: str | None
    status: str
    severity: str
    type: str | None
    title: str
    error_message: str
    source: str
    started_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    created_at: int
    updated_at: int
    affected_regions: tuple[str, ...]
    affected_monitor_ids: tuple[str, ...]
    failure_count: int
    notification_sent: bool
    assignee_id: str | None
    status_page_update: str | None


class OneIncident(msgspec.Struct, frozen=True):
    """An incident with the seconds that it lasted, null until it is resolved."""

    incident: IncidentView
    recovery_time_seconds: float | None


class SeveralIncidents(msgspec.Struct, frozen=True):
    incidents: list[IncidentView]


def view(row: ListedIncident) -> IncidentView:
    """Put an incident in uptime's words."""
    return IncidentView(
        id=INCIDENT_IDS.of(row.incident),
        check_id=CHECK_IDS.of(row.check_id) if row.check_id else None,
        check_name=row.check_name,
        check_url=row.check_url,
        status=UPTIME.statuses[row.status],
        severity=UPTIME.severities[row.severity],
        type=row.type if row.type in TYPES else None,
        title=row.title,
        error_message=row.error_message,
        source="manual" if row.source == "manual" else "system",
        started_at=milliseconds(row.started_at),
        acknowledged_at=_or_none(row.acknowledged_at),
        resolved_at=_or_none(row.resolved_at),
        created_at=milliseconds(row.created_at),
        updated_at=milliseconds(row.updated_at),
        affected_regions=row.affected_regions,
        affected_monitor_ids=row.affected_monitors,
        failure_count=row.failure_count,
        notification_sent=False,
        assignee_id=row.assignee,
        status_page_update=row.status_page_update or None,
    )


def one(row: ListedIncident) -> OneIncident:
    """Return the incident as detail and transitions answer it."""
    lasted = max(row.resolved_at - row.started_at, timedelta(0)) / timedelta(seconds=1) if row.resolved_at else None
    return OneIncident(view(row), lasted)


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _or_none(moment: datetime | None) -> int | None:
    return milliseconds(moment) if moment is not None else None
