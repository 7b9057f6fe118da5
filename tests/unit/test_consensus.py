"""When results agree, and what follows at once (contracts/incidents.md 0.6, consensus)."""

from datetime import UTC, datetime, timedelta

import pytest

from commands.check_results import MONITOR, ReportedResult
from domain.incidents.events import (
    IncidentOpened,
    IncidentRecurred,
    IncidentResolved,
    IncidentStartBackdated,
    MonitorCause,
)
from domain.incidents.status import Status
from domain.monitoring.check import LATE
from domain.monitoring.events import CheckResultsReported
from tests.monitoring import Monitored

THREE = "eu:timeout us:timeout eu:timeout"
SLOW = "eu:slow_response us:slow_response eu:slow_response"
FINE = "eu:ok us:ok eu:ok"


@pytest.mark.parametrize(
    "results",
    [
        "",
        "eu:timeout us:timeout",
        "eu:timeout eu:timeout eu:timeout",
        "eu:timeout eu:timeout eu:timeout eu:timeout eu:timeout",
        "eu:timeout us:ok us:timeout eu:timeout",
        "eu:timeout eu:slow_response us:timeout us:timeout",
        "eu:slow_response us:timeout eu:slow_response us:slow_response",
        "eu:slow_response us:timeout eu:timeout us:slow_response",
    ],
)
def test_fewer_than_three_of_a_kind_in_a_row_or_fewer_than_two_regions_open_nothing(results: str) -> None:
    check = Monitored()
    for answer in check.hears_each(results):
        assert answer == ("up", None)
    assert check.incidents == []


@pytest.mark.parametrize(
    ("results", "kind"),
    [
        (THREE, "down"),
        ("eu:timeout eu:timeout us:timeout", "down"),
        ("eu:timeout us:dns_error ap:ssl_error", "down"),
        ("us:ok eu:timeout us:timeout eu:timeout", "down"),
        ("eu:slow_response eu:timeout us:timeout eu:timeout", "down"),
        (SLOW, "slow"),
        ("eu:timeout eu:slow_response us:slow_response eu:slow_response", "slow"),
    ],
)
def test_the_third_failure_of_a_kind_in_a_row_opens_an_incident(results: str, kind: str) -> None:
    check = Monitored()
    *before, last = check.hears_each(results)
    assert set(before) == {("up", None)}
    assert last == ({"down": "down", "slow": "degraded"}[kind], check.only_incident)
    assert check.opened(check.only_incident).monitor == MonitorCause(
        check.ulid, "Shop", "https://shop.example.org/", "slow" if kind == "slow" else "down"
    )


def test_a_longer_row_from_one_region_agrees_with_the_first_failure_from_another() -> None:
    check = Monitored()
    answers = check.hears_each("eu:timeout eu:timeout eu:timeout eu:timeout us:timeout")
    assert [answer.check_status for answer in answers] == ["up"] * 4 + ["down"]
    opened = check.opened(check.only_incident)
    assert (opened.failure_count, opened.affected_regions) == (3, ("eu", "us"))


def test_the_incident_says_what_was_found() -> None:
    check = Monitored()
    check.hears_of(ReportedResult("eu", ok=False, type="dns_error", message="no such host"))
    check.hears_of(ReportedResult("us", ok=False, type="timeout", message="no answer"))
    check.hears_of(ReportedResult("ap", ok=False, type="timeout", message="no answer within 10 s"))
    (opened, began) = check.recorded(check.only_incident)
    assert opened.event == IncidentOpened(
        "monitor",
        4,
        "Shop - timeout",
        "no answer within 10 s",
        monitor=MonitorCause(check.ulid, "Shop", "https://shop.example.org/", "down"),
        type="timeout",
        affected_regions=("eu", "us", "ap"),
        failure_count=3,
    )
    assert opened.actor == MONITOR
    assert began.event == IncidentStartBackdated(opened.happened_at - timedelta(seconds=2))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("eu:timeout us:timeout ap:dns_error", "timeout"),
        ("eu:dns_error us:timeout ap:timeout", "timeout"),
        ("eu:timeout us:dns_error ap:timeout", "timeout"),
        ("eu:timeout us:dns_error ap:ssl_error", "ssl_error"),
        ("eu:timeout eu:timeout eu:timeout eu:dns_error us:dns_error", "dns_error"),
    ],
)
def test_its_type_is_the_most_frequent_of_the_three_and_of_several_the_latest(results: str, expected: str) -> None:
    check = Monitored()
    check.hears_each(results)
    assert check.opened(check.only_incident).type == expected


@pytest.mark.parametrize(
    ("failure", "severity"),
    [
        ("timeout", 4),
        ("connection_error", 4),
        ("dns_error", 4),
        ("status_code", 3),
        ("keyword_missing", 3),
        ("ssl_error", 3),
        ("slow_response", 1),
    ],
)
def test_its_severity_follows_from_its_type_and_its_title_too(failure: str, severity: int) -> None:
    check = Monitored()
    check.hears(f"eu:{failure} us:{failure} ap:{failure}")
    opened = check.opened(check.only_incident)
    assert (opened.severity, opened.title, opened.error_message) == (severity, f"Shop - {failure}", failure)


def test_further_failures_of_the_kind_are_the_same_incident_again() -> None:
    check = Monitored()
    check.hears(THREE)
    check.hears("ap:dns_error", message="no such host")
    check.hears("eu:slow_response")
    answer = check.hears("eu:timeout eu:timeout")
    incident = check.only_incident
    assert answer == ("down", incident)
    again = [fact.event for fact in check.recorded(incident) if isinstance(fact.event, IncidentRecurred)]
    assert again[0] == IncidentRecurred("no such host", "dns_error", ("ap",))
    assert check.incident(incident).failure_count == 6
    assert check.incident(incident).affected_regions == ("eu", "us", "ap")


@pytest.mark.parametrize("results", ["eu:ok us:ok", "eu:ok eu:ok eu:ok eu:ok", "eu:ok us:ok eu:timeout eu:ok us:ok"])
def test_fewer_than_three_successes_in_a_row_or_fewer_than_two_regions_resolve_nothing(results: str) -> None:
    check = Monitored()
    check.hears(THREE)
    assert {answer.check_status for answer in check.hears_each(results)} == {"down"}
    assert check.incident(check.only_incident).is_unresolved


@pytest.mark.parametrize("results", [FINE, "eu:ok eu:ok eu:ok us:ok", "eu:slow_response us:ok eu:slow_response"])
def test_three_successes_in_a_row_resolve_the_incident(results: str) -> None:
    check = Monitored()
    check.hears(THREE)
    assert check.hears_each(results)[-1] == ("up", None)
    last = check.recorded(check.only_incident)[-1]
    assert (last.event, last.actor) == (IncidentResolved("automatic", Status.OPEN), MONITOR)


@pytest.mark.parametrize("status", ["acknowledged", "investigating"])
def test_recovery_resolves_an_incident_that_somebody_works_on_too(status: str) -> None:
    check = Monitored()
    check.hears(THREE)
    check.moves(check.only_incident, status, "alerts")
    assert check.hears(FINE) == ("up", None)
    assert check.recorded(check.only_incident)[-1].event == IncidentResolved("automatic", Status(status))


def test_a_check_may_be_down_and_slow_and_each_ends_by_itself() -> None:
    check = Monitored()
    check.hears(SLOW)
    answer = check.hears(THREE)
    slow, down = check.incidents
    assert answer == ("down", down)
    assert check.hears(SLOW) == ("degraded", slow)
    assert check.incident(slow).failure_count == 6
    assert check.hears(FINE) == ("up", None)


def test_one_row_of_successes_resolves_both_kinds() -> None:
    check = Monitored()
    check.hears(SLOW)
    check.hears(THREE)
    assert check.hears(FINE) == ("up", None)
    assert [check.incident(incident).status for incident in check.incidents] == ["resolved", "resolved"]


def test_a_failure_of_the_whole_leaves_a_row_that_was_not_slow_as_it_is() -> None:
    check = Monitored()
    check.hears(SLOW)
    assert check.hears("eu:ok us:ok ap:timeout eu:ok") == ("up", None)


def test_after_a_recovery_it_takes_three_fresh_failures_and_the_incidents_are_linked() -> None:
    check = Monitored()
    check.hears(THREE)
    check.hears(FINE)
    assert check.hears("eu:timeout us:timeout") == ("up", None)
    check.hears("eu:timeout")
    first, second = check.incidents
    assert check.opened(second).previous_incident == first
    assert check.opened(first).previous_incident == ""


def test_the_previous_incident_is_one_of_the_same_kind() -> None:
    check = Monitored()
    check.hears(THREE)
    check.hears(SLOW)
    assert check.opened(check.incidents[-1]).previous_incident == ""


def test_everything_that_a_report_leads_to_is_one_append() -> None:
    check = Monitored()
    before = len(check.stage.log.facts)
    answer = check.hears(f"{THREE} {FINE} {THREE} {FINE} {SLOW}")
    appended = check.stage.log.facts[before:]
    assert len({fact.correlation_id for fact in appended}) == 1
    assert len(check.incidents) == 3
    assert answer == ("degraded", check.incidents[-1])
    heard = [fact.event.results for fact in appended if isinstance(fact.event, CheckResultsReported)]
    assert sum(map(len, heard)) == 15


def test_who_reported_is_kept_beside_the_monitor_who_acts() -> None:
    check = Monitored()
    check.hears_of(ReportedResult("eu", ok=True), by="key:prober")
    (fact,) = [f for f in check.stage.log.facts if isinstance(f.event, CheckResultsReported)]
    assert (fact.actor, getattr(fact.event, "reported_by", "")) == (MONITOR, "key:prober")


def test_results_that_come_together_count_in_the_order_in_which_they_were_observed() -> None:
    check = Monitored()
    now = check.stage.clock.now()
    seen = [("eu", False, 3), ("us", True, 0), ("us", False, 2), ("eu", False, 1)]
    results = [
        ReportedResult(region, ok, None if ok else "timeout", observed_at=now - timedelta(minutes=1 - after / 60))
        for region, ok, after in seen
    ]
    assert check.hears_of(*results).check_status == "down"


def test_a_result_that_comes_a_little_late_counts_as_the_last_and_one_that_comes_much_too_late_not_at_all() -> None:
    check = Monitored()
    now = check.stage.clock.now()
    check.hears("eu:timeout us:timeout", at=now)
    assert check.hears("eu:timeout", at=now - LATE - timedelta(milliseconds=1)) == ("up", None)
    assert check.hears("us:ok", at=now - timedelta(hours=1)) == ("up", None)
    assert check.hears("ap:timeout", at=now - LATE).check_status == "down"
    assert check.hears("ap:timeout", at=now - timedelta(hours=1)).check_status == "down"
    assert check.incident(check.only_incident).failure_count == 3
    assert len([fact for fact in check.facts if isinstance(fact, CheckResultsReported)]) == 5


def test_results_of_long_ago_count_where_nothing_newer_did_and_the_incident_began_then() -> None:
    check = Monitored()
    then = check.stage.clock.now() - timedelta(days=2)
    assert check.hears(THREE, at=then).check_status == "down"
    assert check.recorded(check.only_incident)[1].event == IncidentStartBackdated(then)


def test_the_first_result_may_be_as_old_as_time_itself() -> None:
    check = Monitored()
    check.hears("eu:timeout", at=datetime.min.replace(tzinfo=UTC))
    assert check.hears("us:timeout eu:timeout").check_status == "down"
