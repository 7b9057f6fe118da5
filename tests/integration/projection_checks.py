"""Moves of random histories: checks are made, changed, paused, probed and deleted, and have incidents."""

from collections.abc import Callable
from datetime import timedelta

from domain.event import Event
from domain.identity import check_of, check_stream, incident_stream
from domain.incidents.events import IncidentOpened, MonitorCause
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckDeleted,
    CheckIncidentEnded,
    CheckIncidentLinked,
    CheckPaused,
    CheckResultsReported,
    CheckResumed,
    CheckSettings,
    CheckValue,
    Kind,
    Result,
)
from tests.integration.projection_runs import Case, Chronicle, Watched

SETTINGS = (
    CheckSettings("Shop", "http", "https://shop.example.org/"),
    CheckSettings('The "shop" ü', "keyword", "https://shop/", 30, 500, 204, "basket", 300, ("eu-west", "ap, south")),
)
CHANGES: tuple[dict[str, CheckValue], ...] = (
    {"name": "The shop"},
    {"keyword": None, "expected_status": 500},
    {"keyword": 'a "b"', "regions": ("us-east",)},
    {"interval_seconds": 86_400, "regions": ()},
)
KINDS: tuple[Kind, ...] = ("down", "slow")


def create_check(log: Chronicle, tenant: str) -> None:
    check = Watched(check_stream(f"C{log.number('check'):025d}"), tenant)
    log.record(check.stream, tenant, CheckCreated(log.chance.choice(SETTINGS)))
    log.checks.append(check)


def see_to_check(log: Chronicle, tenant: str) -> None:
    checks = [check for check in log.checks if check.tenant == tenant]
    if not checks:
        create_check(log, tenant)
        return
    check = log.chance.choice(checks)
    event = log.chance.choice(EVENTS)(log)
    if isinstance(event, CheckDeleted):
        log.checks.remove(check)
    log.record(check.stream, tenant, event)


def open_incident_of_check(log: Chronicle, tenant: str) -> None:
    """Open an incident of a check; people work on it as on any other, though not all that they do may be allowed."""
    checks = [check for check in log.checks if check.tenant == tenant]
    if not checks:
        return
    check, kind = log.chance.choice(checks), log.chance.choice(KINDS)
    incident = f"K{log.number('incident of a check'):025d}"
    case = Case(incident_stream(incident), tenant)
    case.severity, case.message = 4, "no answer"
    cause = MonitorCause(check_of(check.stream), "Shop", "https://shop.example.org/", kind)
    opened = IncidentOpened("monitor", 4, "Shop - timeout", "no answer", monitor=cause, failure_count=3)
    log.record(case.stream, tenant, opened)
    log.record(check.stream, tenant, CheckIncidentLinked(kind, incident))
    log.cases.append(case)


def _results(log: Chronicle) -> CheckResultsReported:
    """Tell of results, some of which were observed before others that are known."""
    moments = [log.now - timedelta(seconds=log.chance.choice((0, 0, 1, 3600))) for _ in range(log.chance.randint(1, 3))]
    return CheckResultsReported(tuple(Result("eu-west", ok=True, observed_at=at) for at in moments), "key:ops")


EVENTS: tuple[Callable[[Chronicle], Event], ...] = (
    *(lambda log: CheckChanged(log.chance.choice(CHANGES)),) * 3,
    *(_results,) * 6,
    lambda _: CheckPaused(),
    lambda _: CheckResumed(),
    lambda _: CheckIncidentEnded("down", "K0000000000000000000000001"),
    lambda _: CheckDeleted(),
)

CHECK_MOVES: tuple[Callable[[Chronicle, str], None], ...] = (
    *(create_check,) * 2,
    *(open_incident_of_check,) * 3,
    *(see_to_check,) * 6,
)


class CheckHistory(Chronicle):
    """A history of nothing but checks and their incidents; the same seed gives the same history."""

    def __init__(self, seed: int, moves: int, beside: tuple[Callable[[Chronicle, str], None], ...]) -> None:
        super().__init__(seed)
        for _ in range(moves):
            self.tick()
            self.chance.choice((*CHECK_MOVES, *beside))(self, self.chance.choice(("alpha", "beta")))
