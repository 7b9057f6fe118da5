"""What a reader of the facts would write down of each incident: looked up in its facts anew for each question.

It shares nothing with the read models but the facts and the shapes of the answers.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from domain.event import Recorded
from domain.incidents import events as told
from domain.incidents.status import Status
from projections.incident_analytics.queries import Figures
from projections.incident_list.queries import Filter, ListedIncident, Sort

#: The places of the words that uptime shows.
PLACES = {"open": 0, "resolved": 2, "closed": 3, "canceled": 3}

WORKED_ON = {"acknowledged", "triaging", "investigating", "awaiting_approval", "remediating"}

#: What a fact makes of the status.
STATUS: dict[type, Callable[[Any], str]] = {
    told.IncidentOpened: lambda _: "open",
    told.IncidentAcknowledged: lambda _: "acknowledged",
    told.IncidentStatusChanged: lambda event: event.after,
    told.IncidentResolved: lambda _: "resolved",
    told.IncidentClosed: lambda _: "closed",
    told.IncidentReopened: lambda _: "open",
    told.IncidentCanceled: lambda _: "canceled",
}


class Story:
    """One incident's facts."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        self.facts = facts
        self.first = facts[0]
        self.opened: Any = facts[0].event
        begins = [number for number, fact in enumerate(facts) if isinstance(fact.event, told.IncidentReopened)]
        self.cycle = facts[begins[-1] :] if begins else facts

    @property
    def status(self) -> Status:
        return Status([self._status_after(fact) for fact in self.facts if type(fact.event) in STATUS][-1])

    @property
    def severity(self) -> int:
        changed = [fact.event.after for fact in self.facts if isinstance(fact.event, told.IncidentSeverityChanged)]
        return changed[-1] if changed else int(self.opened.severity)

    @property
    def started_at(self) -> datetime:
        begin: datetime = self._last(self.facts, told.IncidentStartBackdated, "started_at", self.first.happened_at)
        return begin

    @property
    def acknowledged_at(self) -> datetime | None:
        moves = (fact for fact in self.cycle if type(fact.event) in STATUS)
        return next((fact.happened_at for fact in moves if self._status_after(fact) in WORKED_ON), None)

    def stamp(self, kind: type) -> datetime | None:
        return next((fact.happened_at for fact in self.cycle if isinstance(fact.event, kind)), None)

    @property
    def shown(self) -> ListedIncident:
        event = self.opened
        resolving = [fact for fact in self.cycle if isinstance(fact.event, told.IncidentResolved)]
        return ListedIncident(
            incident=self.first.stream.removeprefix("incident-"),
            tenant=self.first.tenant,
            status=self.status,
            severity=self.severity,
            title=event.title,
            error_message=self._field("error_message"),
            source=event.source,
            type=event.type,
            opened_by=self.first.actor.id,
            created_at=self.first.happened_at,
            updated_at=self.facts[-1].happened_at,
            started_at=self.started_at,
            acknowledged_at=self.acknowledged_at,
            resolved_at=self.stamp(told.IncidentResolved),
            closed_at=self.stamp(told.IncidentClosed),
            canceled_at=self.stamp(told.IncidentCanceled),
            resolved_by=resolving[0].actor.id if resolving else None,
            assignee=self._last(self.facts, told.IncidentAssigned, "assignee", "") or None,
            failure_count=event.failure_count + sum(isinstance(f.event, told.IncidentRecurred) for f in self.facts),
            affected_regions=self._field("affected_regions"),
            affected_monitors=event.affected_monitors,
            status_page_update=event.status_page_update,
            previous=event.previous_incident or None,
            merged_into=self._last(self.cycle, told.IncidentMerged, "into", None),
            **self._causes(),
        )

    def _status_after(self, fact: Recorded) -> str:
        return STATUS[type(fact.event)](fact.event)

    def _last(self, facts: Sequence[Recorded], kind: type, member: str, otherwise: Any) -> Any:
        found = [getattr(fact.event, member) for fact in facts if isinstance(fact.event, kind)]
        return found[-1] if found else otherwise

    def _field(self, name: str) -> Any:
        value = getattr(self.opened, name)
        for fact in self.facts:
            match fact.event:
                case told.IncidentFieldChanged(field=field, after=after) if field == name:
                    value = after
                case told.IncidentRecurred(regions=regions) if name == "affected_regions":
                    value = (*value, *(region for region in regions if region not in value))
                case _:
                    pass
        return value

    def _causes(self) -> dict[str, Any]:
        """Return what only some sources tell, each as the table of the contract names it."""
        names = [field.name for field in msgspec.structs.fields(ListedIncident)]
        columns: dict[str, Any] = {**dict.fromkeys(names[names.index("check_id") : -2]), "scope": {}}
        event = self.opened
        if cause := event.process:
            columns |= {"process_key": cause.bpmn_process_id, "version": cause.version}
            columns["activity_id"] = cause.element or None
            number = cause.process_instance_id
            columns["process_instance"] = f"{cause.partition}/{number}" if number else None
            columns["engine_incident"] = f"{cause.partition}/{cause.incident_id}"
        if event.rule:
            columns |= msgspec.structs.asdict(event.rule)
        if cause := event.monitor:
            columns |= {"check_id": cause.check_id, "check_name": cause.check_name}
            columns |= {"check_url": cause.check_url, "check_kind": cause.kind}
        if cause := event.alert:
            columns |= {"provider": cause.provider, "external_id": cause.external_id}
            columns |= {"service": cause.service or None, "environment": cause.environment or None}
        return columns


class Recount:
    """All incidents of all tenants."""

    def __init__(self, facts: Iterable[Recorded]) -> None:
        streams: dict[str, list[Recorded]] = {}
        for fact in facts:
            if fact.stream.startswith("incident-"):
                streams.setdefault(fact.stream, []).append(fact)
        self.stories = {stream.removeprefix("incident-"): Story(facts) for stream, facts in streams.items()}
        self.shown = [story.shown for story in self.stories.values()]

    def wanted(self, tenant: str, wanted: Filter, sort: Sort, *, descending: bool) -> list[ListedIncident]:
        """Return what the filter leaves, in order."""
        rows = [row for row in self.shown if row.tenant == tenant and _meets(row, wanted)]
        return sorted(rows, key=lambda row: (_key(row, sort), row.incident), reverse=descending)

    def figures(self, tenant: str, since: datetime, until: datetime) -> Figures:
        rows = [row for row in self.shown if row.tenant == tenant and since <= row.created_at <= until]
        lasted = (row.resolved_at - row.started_at for row in rows if row.resolved_at)
        times = [max(time, timedelta(0)) // timedelta(milliseconds=1) for time in lasted]
        return Figures(
            total_incidents=len(rows),
            resolved_incidents=len(times),
            mttr=sum(times) / len(times) / 1000 if times else None,
            by_severity={rank: sum(row.severity == rank for row in rows) for rank in (4, 3, 2, 1, 0)},
        )


def _meets(row: ListedIncident, wanted: Filter) -> bool:
    return (
        (not wanted.statuses or row.status in wanted.statuses)
        and (not wanted.ranks or row.severity in wanted.ranks)
        and (wanted.check_id is None or row.check_id == wanted.check_id)
        and (wanted.rule_id is None or row.rule_id == wanted.rule_id)
        and (wanted.updated_after is None or row.updated_at > wanted.updated_after)
    )


def _key(row: ListedIncident, sort: Sort) -> Any:
    return PLACES.get(row.status, 1) if sort == "status" else getattr(row, sort)
