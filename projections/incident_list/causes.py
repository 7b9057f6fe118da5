"""What is said of a new incident: each kind of cause fills columns of its own."""

from typing import Any

from domain.event import Recorded
from domain.incidents.events import AlertCause, IncidentOpened, MonitorCause, ProcessCause, RuleCause
from domain.incidents.status import Status
from projections.incident_list.rows import Row


def row_of(incident: str, fact: Recorded, event: IncidentOpened) -> Row:
    """Return the row of an incident that was opened just now."""
    causes = (_of_process(event.process), _of_rule(event.rule), _of_monitor(event.monitor), _of_alert(event.alert))
    return Row(
        incident=incident,
        tenant=fact.tenant,
        status=Status.OPEN,
        severity=event.severity,
        title=event.title,
        error_message=event.error_message,
        source=event.source,
        type=event.type,
        opened_by=fact.actor.id,
        created_at=fact.happened_at,
        updated_at=fact.happened_at,
        started_at=fact.happened_at,
        failure_count=event.failure_count,
        affected_regions=event.affected_regions,
        affected_monitors=event.affected_monitors,
        status_page_update=event.status_page_update,
        previous=event.previous_incident or None,
        **{name: value for cause in causes for name, value in cause.items()},
    )


def _of_process(cause: ProcessCause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    return {
        "process_key": cause.bpmn_process_id,
        "version": cause.version,
        "activity_id": cause.element or None,
        "process_instance": f"{cause.partition}/{cause.process_instance_id}" if cause.process_instance_id else None,
        "engine_incident": f"{cause.partition}/{cause.incident_id}",
    }


def _of_rule(cause: RuleCause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    return {name: getattr(cause, name) for name in cause.__struct_fields__}


def _of_monitor(cause: MonitorCause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    return {
        "check_id": cause.check_id,
        "check_name": cause.check_name,
        "check_url": cause.check_url,
        "check_kind": cause.kind,
    }


def _of_alert(cause: AlertCause | None) -> dict[str, Any]:
    if cause is None:
        return {}
    return {
        "provider": cause.provider,
        "external_id": cause.external_id,
        "service": cause.service or None,
        "environment": cause.environment or None,
    }
