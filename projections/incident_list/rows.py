"""What the tables of the list of incidents hold."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec


class Standing(msgspec.Struct, omit_defaults=True):
    """What may change of an incident, and by what it is counted; in the order of the query ``standings``.

    What is none is left out of the JSON, and null in the table.
    """

    incident: str
    tenant: str
    status: str
    severity: int
    error_message: str
    updated_at: datetime
    started_at: datetime
    failure_count: int
    affected_regions: Sequence[str]
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    canceled_at: datetime | None = None
    resolved_by: str | None = None
    assignee: str | None = None
    merged_into: str | None = None
    check_id: str | None = None
    rule_id: str | None = None


class Row(Standing, kw_only=True, omit_defaults=True):
    """A new incident: all columns, by their names."""

    title: str
    source: str
    type: str | None = None
    opened_by: str
    created_at: datetime
    affected_monitors: Sequence[str]
    status_page_update: str
    previous: str | None = None
    check_name: str | None = None
    check_url: str | None = None
    check_kind: str | None = None
    rule_name: str | None = None
    metric: str | None = None
    operator: str | None = None
    threshold: float | None = None
    actual: float | None = None
    window_minutes: int | None = None
    sample_count: int | None = None
    scope: Mapping[str, str] | None = None
    provider: str | None = None
    external_id: str | None = None
    service: str | None = None
    environment: str | None = None
    process_key: str | None = None
    version: str | None = None
    activity_id: str | None = None
    process_instance: str | None = None
    engine_incident: str | None = None


class Count(msgspec.Struct):
    """More incidents of a status and severity, or fewer, in the order of the table."""

    tenant: str
    subject: str
    status: str
    severity: int
    incidents: int


def subject_of(check_id: str | None, rule_id: str | None) -> str:
    """Return the name under which the incidents of a check or a rule are counted; empty: all of them."""
    if check_id is not None:
        return f"check {check_id}"
    return "" if rule_id is None else f"rule {rule_id}"


def subjects_of(check_id: str | None, rule_id: str | None) -> Iterator[str]:
    """Yield each name under which an incident is counted."""
    yield ""
    if check_id is not None:
        yield subject_of(check_id, None)
    if rule_id is not None:
        yield subject_of(None, rule_id)
