"""Moves of random histories: incidents of every source are opened, recur, are worked on, end and begin again."""

from collections.abc import Callable, Iterator

from msgspec import structs

from domain.event import Actor, Event
from domain.identity import incident_stream
from domain.incidents.events import (
    AlertCause,
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
    MonitorCause,
    ProcessCause,
    RuleCause,
)
from domain.incidents.status import MOVES, UNRESOLVED, Status
from tests.integration.projection_runs import PACES, TENANTS, Case, Chronicle

ACTORS = (Actor("user", "mara"), Actor("user", "lee"), Actor("api_key", "key:ops"), Actor("system", "system"))
EMAILS = ("", "mara@example.org")
NOTES = ("", "looks odd", 'a "quoted" note,\nof two lines')
REGIONS = ("eu-west", "us-east", "ap, south", 'a "b"')

OPENED = (
    IncidentOpened("manual", 4, "Fire", "it burns", email="mara@example.org"),
    IncidentOpened("manual", 1, "Smoke", "", type="ssl_error", affected_monitors=("m-1", "m, 2"), failure_count=7),
    IncidentOpened(
        "alert_rule", 3, "Errors", "", rule=RuleCause("r-1", "Errors", "error_rate", "gt", 5.0, 12.3, 15, 9)
    ),
    IncidentOpened(
        "alert_rule",
        1,
        "Slow",
        "was 0",
        rule=RuleCause("r-2", "Slow", "p95", "lte", 0.1, -0.0, 5, 3_000_000_000, {"processKey": "order", "a": "ü"}),
        previous_incident="01KB0ZQ8Z3M5W1X7T9R4N6P2VC",
    ),
    IncidentOpened(
        "monitor",
        4,
        "Shop - timeout",
        "no answer",
        monitor=MonitorCause("c-1", "Shop", "https://shop.example.org/"),
        type="timeout",
        affected_regions=("us-east", "eu-west"),
        failure_count=3,
    ),
    IncidentOpened("monitor", 1, "Shop - slow", "", monitor=MonitorCause("c-1", "Shop", "https://shop/", "slow")),
    IncidentOpened("external_alert", 0, "Disk", "full", alert=AlertCause("custom", "disk-7")),
    IncidentOpened("external_alert", 3, "Disk", "full", alert=AlertCause("pagerduty", "d", "billing", "prod", "{}")),
)


def open_incident(log: Chronicle, tenant: str) -> None:
    """Open one that no process raised; it may have begun before, or be given up at once."""
    number = log.number("incident of no process")
    case = Case(incident_stream(f"{log.chance.choice('MAZ')}{number:025d}"), tenant)
    opened = log.chance.choice(OPENED)
    case.severity, case.regions, case.message = opened.severity, opened.affected_regions, opened.error_message
    say(log, case, structs.replace(opened, status_page_update=log.chance.choice(("", "We look into it."))))
    if log.chance.random() < 0.3:
        back = log.chance.choice(PACES)
        say(log, case, IncidentStartBackdated(log.now.replace(microsecond=0, second=back % 60)))
    log.cases.append(case)


def open_for_process(log: Chronicle, tenant: str) -> None:
    """Open one of a process, where nothing else is told of that process."""
    number = log.number("incident", log.now.date())
    cause = ProcessCause(log.now.date().isoformat(), number, "failedJob", 1, "order", "1", 7 * (number % 2), "work")
    case = Case(incident_stream(f"P{log.number('incident of a process'):025d}"), tenant, of_process=True)
    case.severity, case.message = 2, "broken"
    say(log, case, IncidentOpened("process", 2, "Work failed in order 1", "broken", cause))
    log.cases.append(case)


def work_on_incident(log: Chronicle, tenant: str) -> None:
    """Do something about an incident that may be done about it."""
    cases = [case for case in log.cases if case.tenant == tenant]
    if cases:
        case = log.chance.choice(cases[-12:])
        log.chance.choice(WORK)(log, case)


def end_of_process(log: Chronicle, tenant: str) -> None:
    """Resolve or cancel an incident of a process where nothing else is told of that process."""
    cases = [case for case in log.cases if case.of_process and case.tenant == tenant and case.status in UNRESOLVED]
    if cases:
        case = log.chance.choice(cases)
        end_case(log, case, resolved=log.chance.random() < 0.7)


def end_case(log: Chronicle, case: Case, *, resolved: bool) -> None:
    """End an incident with what it is about: its job is tried again, or its token is gone."""
    say(log, case, IncidentResolved("retry", case.status) if resolved else IncidentCanceled(case.status))
    case.status = Status.RESOLVED if resolved else Status.CANCELED


def say(log: Chronicle, case: Case, event: Event) -> None:
    log.record(case.stream, case.tenant, event, log.chance.choice(ACTORS))


def _email(log: Chronicle) -> str:
    return log.chance.choice(EMAILS)


def _move(log: Chronicle, case: Case) -> None:
    moves = MOVES[case.status] - {Status.CANCELED}
    if case.of_process:
        moves &= UNRESOLVED if case.status in UNRESOLVED else {Status.CLOSED}
    if not moves:
        return
    to = log.chance.choice(sorted(moves))
    for event in _facts(case.status, to, log.chance.choice(NOTES), _email(log)):
        say(log, case, event)
    case.status = to


def _facts(before: Status, to: Status, note: str, email: str) -> Iterator[Event]:
    if to is Status.ACKNOWLEDGED:
        yield IncidentAcknowledged(before, note, email)
    elif to is Status.RESOLVED:
        yield IncidentResolved("manual", before, note, email)
    elif to is Status.CLOSED:
        yield IncidentClosed(before, note, email)
    elif before not in UNRESOLVED:
        yield IncidentReopened(before, note, email)
    else:
        yield IncidentStatusChanged(before, to, note, email)


def _note(log: Chronicle, case: Case) -> None:
    say(log, case, IncidentNoteAdded(log.chance.choice(NOTES[1:]), _email(log)))


def _recur(log: Chronicle, case: Case) -> None:
    for _ in range(log.chance.choice((1, 1, 3))):
        regions = tuple(log.chance.sample(REGIONS, log.chance.choice((0, 1, 2))))
        case.regions += tuple(region for region in regions if region not in case.regions)
        say(log, case, IncidentRecurred("again", log.chance.choice((None, "dns_error")), regions))


def _change_severity(log: Chronicle, case: Case) -> None:
    after = log.chance.choice([rank for rank in range(5) if rank != case.severity])
    say(log, case, IncidentSeverityChanged(case.severity, after, _email(log)))
    case.severity = after


def _change_message(log: Chronicle, case: Case) -> None:
    after = f"changed {len(log.facts)}"
    say(log, case, IncidentFieldChanged("error_message", case.message, after, _email(log)))
    case.message = after


def _change_regions(log: Chronicle, case: Case) -> None:
    after = tuple(log.chance.sample(REGIONS, log.chance.choice((0, 1, 3))))
    say(log, case, IncidentFieldChanged("affected_regions", case.regions, after, _email(log)))
    case.regions = after


def _assign(log: Chronicle, case: Case) -> None:
    to = log.chance.choice([name for name in ("", "mara", "lee") if name != case.assignee])
    say(log, case, IncidentAssigned(case.assignee, to, _email(log)))
    case.assignee = to


def _merge(log: Chronicle, case: Case) -> None:
    closing = {status for status in Status if Status.CLOSED in MOVES[status]}
    others = [
        other for other in log.cases if other is not case and other.tenant == case.tenant and other.status in closing
    ]
    if case.of_process or case.status not in closing or not others:
        return
    into = log.chance.choice(others)
    say(log, case, IncidentClosed(case.status, "merged", _email(log)))
    case.status = Status.CLOSED
    say(log, case, IncidentMerged(into.stream.removeprefix("incident-"), _email(log)))
    say(log, into, DuplicateMerged(case.stream.removeprefix("incident-"), _email(log)))


WORK: tuple[Callable[[Chronicle, Case], None], ...] = (
    *(_move,) * 8,
    _note,
    *(_recur,) * 2,
    *(_change_severity,) * 2,
    _change_message,
    _change_regions,
    _assign,
    _merge,
)

INCIDENT_MOVES: tuple[Callable[[Chronicle, str], None], ...] = (open_incident, *(work_on_incident,) * 5)


class IncidentHistory(Chronicle):
    """A history of nothing but incidents, of all sources; the same seed gives the same history."""

    def __init__(self, seed: int, moves: int = 1_500) -> None:
        super().__init__(seed)
        every = (*INCIDENT_MOVES, open_for_process, end_of_process)
        for _ in range(moves):
            self.tick()
            self.chance.choice(every)(self, self.chance.choice(TENANTS))
