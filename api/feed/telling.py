"""An incident in the words of the feed (contracts/incidents.md 0.2, 2.1)."""

from datetime import datetime

from api.feed.bodies import FeedCause, FeedIncident, FeedRow, Source
from api.incidents.ids import INCIDENT_IDS
from domain.incidents.dialects import FEED
from projections.incident_list.queries import ListedIncident


def row(incident: ListedIncident) -> FeedRow:
    """Return an incident as lists show it."""
    return FeedRow(
        incident_id=INCIDENT_IDS.of(incident.incident),
        title=incident.title,
        severity=FEED.severities[incident.severity],
        status=FEED.statuses[incident.status],
        source=_source(incident),
        created_at=seconds(incident.created_at),
    )


def full(incident: ListedIncident) -> FeedIncident:
    """Return an incident in full. One whose subject is gone was closed by that."""
    return FeedIncident(
        incident_id=INCIDENT_IDS.of(incident.incident),
        title=incident.title,
        severity=FEED.severities[incident.severity],
        status=FEED.statuses[incident.status],
        source=_source(incident),
        created_at=seconds(incident.created_at),
        description=incident.error_message,
        created_by=incident.opened_by,
        updated_at=seconds(incident.updated_at),
        acknowledged_at=_stamp(incident.acknowledged_at),
        resolved_at=_stamp(incident.resolved_at),
        resolved_by=incident.resolved_by,
        closed_at=_stamp(incident.closed_at or incident.canceled_at),
        assignee=incident.assignee,
        failure_count=incident.failure_count,
        cause=_cause(incident),
        previous_incident_id=_id(incident.previous),
        merged_into=_id(incident.merged_into),
    )


def seconds(moment: datetime) -> str:
    """Render a moment, which is in UTC, cut to seconds: ``2026-11-23T09:15:10Z``."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _stamp(moment: datetime | None) -> str | None:
    return seconds(moment) if moment is not None else None


def _id(ulid: str | None) -> str | None:
    return ulid and INCIDENT_IDS.of(ulid)


def _source(incident: ListedIncident) -> Source:
    return "manual" if incident.source == "manual" else "automated"


def _cause(incident: ListedIncident) -> FeedCause | None:
    if incident.source == "manual":
        return None
    return FeedCause(
        kind=incident.source,
        process_key=incident.process_key,
        version=incident.version,
        activity_id=incident.activity_id,
        process_instance=incident.process_instance,
        engine_incident=incident.engine_incident,
        rule_id=incident.rule_id,
        rule_name=incident.rule_name,
        metric=incident.metric,
        operator=incident.operator,
        threshold=incident.threshold,
        actual=incident.actual,
        check_id=incident.check_id,
        check_name=incident.check_name,
        check_url=incident.check_url,
        type=incident.type,
        provider=incident.provider,
        external_id=incident.external_id,
        service=incident.service,
        environment=incident.environment,
    )
