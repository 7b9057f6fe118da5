"""What people do with checks and with their incidents, and what consensus makes of it (contracts/incidents.md 0.6)."""

from datetime import timedelta
from typing import Any

import pytest

from commands.check_incidents import OpenIncidentOfCheck, UnresolvedIncident
from commands.check_results import ReportedResult, ReportResults
from commands.context import Context, Decision
from commands.incident_fields import MOST_REGIONS
from commands.incident_merging import MergeIncident
from commands.incident_opening import OpenIncident
from domain.identity import check_stream, incident_stream
from domain.incidents.dialects import RefusedMove
from domain.incidents.events import (
    IncidentCanceled,
    IncidentOpened,
    IncidentRecurred,
    IncidentReopened,
    IncidentStartBackdated,
    MonitorCause,
)
from domain.incidents.status import Status
from domain.monitoring.check import Check
from domain.monitoring.events import CheckDeleted, CheckIncidentEnded, CheckIncidentLinked, Kind
from domain.registers.events import MemberUnlisted
from domain.rejection import InvalidInput, InvalidState, NotFound
from tests.monitoring import Monitored

THREE = "eu:timeout us:timeout eu:timeout"
SLOW = "eu:slow_response us:slow_response eu:slow_response"
FINE = "eu:ok us:ok eu:ok"
REPORT = OpenIncidentOfCheck(3, "status_code", "expected 200, got 502")


def opens(check: Monitored, command: OpenIncidentOfCheck = REPORT, tenant: str = "default") -> str:
    """Have a person open an incident of the check."""
    incident: str = check.stage.send(command, check.ulid, "person", tenant)
    return incident


def failing(results: str = THREE) -> Monitored:
    check = Monitored()
    check.hears(results)
    return check


@pytest.mark.parametrize(
    "moves",
    [
        (("uptime", "resolved"),),
        (("uptime", "acknowledged"), ("uptime", "closed")),
        (("feed", "closed"),),
        (("uptime", "resolved"), ("uptime", "closed")),
    ],
)
def test_after_somebody_ended_the_incident_three_fresh_failures_open_another_one(
    moves: tuple[tuple[Any, str], ...],
) -> None:
    check = failing(f"{THREE} us:timeout")
    first = check.only_incident
    for dialect, status in moves:
        check.moves(first, status, dialect)
    assert check.hears("us:timeout eu:timeout") == ("up", None)
    assert check.hears("us:timeout") == ("down", check.incidents[-1])
    assert check.opened(check.incidents[1]).previous_incident == first
    assert check.incident(first).failure_count == 4


def test_an_incident_that_was_merged_away_is_followed_by_one_of_its_own() -> None:
    check = failing()
    first = check.only_incident
    other = check.stage.send(OpenIncident("Everything is slow", "since noon", 3))
    check.stage.send(MergeIncident(other), first, "person")
    assert check.hears(THREE).check_status == "down"
    assert check.opened(check.incidents[-1]).previous_incident == first


def test_successes_before_somebody_ended_the_incident_count_no_more_either() -> None:
    check = failing()
    check.hears("eu:ok us:ok")
    check.moves(check.only_incident, "resolved")
    again = opens(check)
    assert check.hears("eu:ok").incident == again
    assert check.hears("us:ok eu:ok") == ("up", None)


def test_an_incident_that_was_reopened_before_another_one_opened_goes_on() -> None:
    check = failing()
    incident = check.only_incident
    check.moves(incident, "resolved", "alerts")
    check.hears("eu:ok")
    check.moves(incident, "open", "alerts")
    assert check.hears("eu:timeout") == ("down", incident)
    assert check.recorded(incident)[-1].event == IncidentRecurred("", "timeout", ("eu",))
    assert [f for f in check.facts if isinstance(f, CheckIncidentEnded | CheckIncidentLinked)] == [
        CheckIncidentLinked("down", incident),
        CheckIncidentEnded("down", incident),
        CheckIncidentLinked("down", incident),
    ]
    assert check.hears(FINE) == ("up", None)
    assert check.incidents == [incident]


def test_the_last_incident_is_its_checks_again_in_the_append_that_reopens_it() -> None:
    """So results need not look at incidents that the check knows to be over: they rest on its stream alone."""
    check = failing(f"{THREE} {FINE}")
    incident = check.only_incident
    check.moves(incident, "open", "alerts")
    reopened, linked = check.stage.log.facts[-1:-3:-1]
    assert (reopened.event, linked.event) == (IncidentReopened(Status.RESOLVED), CheckIncidentLinked("down", incident))
    assert reopened.correlation_id == linked.correlation_id
    check.moves(incident, "resolved").moves(incident, "open", "alerts")
    assert check.stage.log.facts[-1].event == IncidentReopened(Status.RESOLVED), "the check has not looked: it knows"
    assert check.hears("eu:timeout") == ("down", incident)


def test_a_result_rests_on_incidents_only_as_long_as_they_are_unresolved(monkeypatch: pytest.MonkeyPatch) -> None:
    check = failing(f"{SLOW} {THREE}")
    incidents = [incident_stream(incident) for incident in check.incidents]
    rested: list[str] = []
    append = check.stage.log.append

    async def noting(decision: Decision, context: Context) -> int:
        rested.extend(changed.stream for changed in decision.appends)
        return await append(decision, context)

    monkeypatch.setattr(check.stage.log, "append", noting)
    check.hears("eu:ok")
    assert sorted(rested) == sorted([check_stream(check.ulid), *incidents])
    check.hears("us:ok eu:ok")
    rested.clear()
    check.hears("eu:ok")
    assert rested == [check_stream(check.ulid)]


def test_an_older_incident_is_not_reopened_while_another_one_of_its_kind_is_unresolved() -> None:
    check = failing(f"{THREE} {FINE} {THREE}")
    older, newer = check.incidents
    before = len(check.stage.log.facts)
    with pytest.raises(RefusedMove, match=f"since inc_{newer} about the same is unresolved") as refused:
        check.moves(older, "open", "alerts")
    assert refused.value.allowed == ("closed",)
    assert len(check.stage.log.facts) == before
    check.moves(newer, "resolved").hears(SLOW)
    check.moves(older, "open", "alerts")
    assert check.incident(older).status is Status.OPEN


def test_an_older_incident_that_is_reopened_is_the_last_one_again() -> None:
    check = failing(f"{THREE} {FINE} {THREE} {FINE}")
    older, newer = check.incidents
    check.moves(older, "open", "alerts")
    reopened, linked = check.stage.log.facts[-1:-3:-1]
    assert (reopened.event, linked.event) == (IncidentReopened(Status.RESOLVED), CheckIncidentLinked("down", older))
    assert reopened.correlation_id == linked.correlation_id
    with pytest.raises(RefusedMove):
        check.moves(newer, "open", "alerts")
    assert check.hears("eu:timeout") == ("down", older)
    assert check.hears(FINE) == ("up", None)
    assert check.incident(older).status is Status.RESOLVED


def test_a_person_opens_an_incident_of_a_check_which_is_resolved_by_consensus() -> None:
    check = Monitored()
    check.hears("us:ok eu:ok us:ok")
    incident = opens(check)
    opened = check.recorded(incident)[0]
    assert opened.event == IncidentOpened(
        "monitor",
        3,
        "Shop - status_code",
        "expected 200, got 502",
        monitor=MonitorCause(check.ulid, "Shop", "https://shop.example.org/"),
        type="status_code",
    )
    assert opened.actor.id == "person"
    assert check.hears("eu:timeout") == ("down", incident)
    assert check.incident(incident).failure_count == 2
    assert check.hears("eu:ok us:ok") == ("down", incident)
    assert check.hears("eu:ok") == ("up", None)


def test_it_has_whatever_else_they_say() -> None:
    check = Monitored()
    started = check.stage.clock.now() - timedelta(hours=1)
    command = OpenIncidentOfCheck(
        1, "slow_response", " slow ", " Slow shop ", ("eu",), ("chk-1",), 7, "We know.", started
    )
    incident = opens(check, command)
    opened, began = check.recorded(incident)
    assert opened.event == IncidentOpened(
        "monitor",
        1,
        "Slow shop",
        "slow",
        monitor=MonitorCause(check.ulid, "Shop", "https://shop.example.org/", "slow"),
        type="slow_response",
        affected_regions=("eu",),
        affected_monitors=("chk-1",),
        failure_count=7,
        status_page_update="We know.",
    )
    assert began.event == IncidentStartBackdated(started)
    assert check.hears("eu:ok us:slow_response") == ("degraded", incident)


@pytest.mark.parametrize(("kind", "results"), [("status_code", THREE), ("slow_response", SLOW)])
def test_there_is_one_unresolved_incident_of_a_check_and_kind(kind: Any, results: str) -> None:
    check = failing(results)
    before = len(check.stage.log.facts)
    with pytest.raises(UnresolvedIncident) as refusal:
        opens(check, OpenIncidentOfCheck(3, kind, "again"))
    assert refusal.value.incident == check.only_incident
    assert [(cause.pointer, cause.value) for cause in refusal.value.causes] == [
        ("#/incident_id", f"inc_{check.only_incident}")
    ]
    assert len(check.stage.log.facts) == before
    check.moves(check.only_incident, "resolved")
    first = check.only_incident
    assert check.opened(opens(check, OpenIncidentOfCheck(3, kind, "again"))).previous_incident == first


def test_an_incident_of_the_other_kind_is_not_in_the_way() -> None:
    check = failing(SLOW)
    opens(check)
    assert [check.opened(incident).type for incident in check.incidents] == ["slow_response", "status_code"]


def test_an_incident_of_a_check_that_is_not_there_is_refused_at_check_id() -> None:
    check, gone = Monitored(), Monitored().is_deleted()
    for stage, ulid, tenant in (
        (check.stage, "0" * 26, "default"),
        (check.stage, "", "default"),
        (check.stage, check.ulid, "rival"),
        (gone.stage, gone.ulid, "default"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            stage.send(REPORT, ulid, "person", tenant)
        assert [cause.pointer for cause in refusal.value.causes] == ["#/check_id"]
    assert check.incidents == gone.incidents == []


def test_what_cannot_be_kept_is_refused_with_its_places() -> None:
    check = Monitored()
    later = check.stage.clock.now() + timedelta(hours=1)
    command = OpenIncidentOfCheck(
        3, "timeout", " ", "t" * 256, ("",), ("m" * 129,), status_page_update="\x00", started_at=later
    )
    with pytest.raises(InvalidInput) as refusal:
        opens(check, command)
    assert [cause.pointer for cause in refusal.value.causes] == [
        "#/title",
        "#/error_message",
        "#/status_page_update",
        "#/affected_regions/0",
        "#/affected_monitor_ids/0",
        "#/started_at",
    ]
    with pytest.raises(InvalidInput):
        opens(check, OpenIncidentOfCheck(3, "timeout", "x", affected_monitors=("m",) * 101))


def test_a_deleted_check_cancels_its_unresolved_incidents_in_the_same_append() -> None:
    check = failing(f"{SLOW} {THREE}")
    slow, down = check.incidents
    check.moves(down, "acknowledged")
    before = len(check.stage.log.facts)
    check.is_deleted()
    appended = check.stage.log.facts[before:]
    assert {type(fact.event) for fact in appended} == {CheckDeleted, IncidentCanceled, MemberUnlisted}
    assert len({fact.correlation_id for fact in appended}) == 1
    assert check.recorded(down)[-1].event == IncidentCanceled(Status.ACKNOWLEDGED)
    assert check.incident(slow).status is Status.CANCELED


def test_a_deleted_check_leaves_incidents_alone_that_are_over() -> None:
    check = failing(f"{THREE} {FINE} {THREE}")
    first, second = check.incidents
    check.moves(second, "resolved")
    check.is_deleted()
    assert [check.incident(incident).status for incident in (first, second)] == ["resolved", "resolved"]


@pytest.mark.parametrize("tenant", ["default", "rival"])
def test_a_deleted_or_foreign_check_hears_nothing(tenant: str) -> None:
    check = Monitored()
    if tenant == "default":
        check.is_deleted()
    before = len(check.stage.log.facts)
    with pytest.raises(NotFound):
        check.stage.send(ReportResults((ReportedResult("eu", ok=True),)), check.ulid, "prober", tenant)
    assert len(check.stage.log.facts) == before


def test_a_paused_check_hears_nothing_and_begins_anew_when_it_is_resumed() -> None:
    check = Monitored()
    check.hears("eu:timeout us:timeout")
    check.changes(paused=True)
    assert check.state.status == "paused"
    with pytest.raises(InvalidState):
        check.hears("eu:timeout")
    check.changes(paused=False)
    assert check.hears("eu:timeout us:timeout") == ("up", None)
    assert check.hears("eu:timeout").check_status == "down"


def test_the_incident_of_a_paused_check_stays_and_is_resolved_after_the_pause() -> None:
    check = failing()
    check.hears("eu:ok us:ok")
    check.changes(paused=True).changes(paused=False)
    assert check.hears("eu:ok us:ok") == ("down", check.only_incident)
    assert check.hears("eu:ok") == ("up", None)


def test_a_state_keeps_no_more_results_than_consensus_needs() -> None:
    check = Monitored()
    check.hears(" ".join(["eu:timeout"] * 100))
    check.hears(" ".join(["eu:slow_response"] * 100))
    check.hears(" ".join(["eu:ok"] * 100))
    state: Check = check.state
    kinds: tuple[Kind, ...] = ("down", "slow")
    assert [len(state.watch(kind).row.last) for kind in kinds] == [3, 3]


def test_an_incident_names_no_more_regions_than_anybody_may_tell_of() -> None:
    check = failing()
    for hundred in range(2):
        check.hears(" ".join(f"r-{hundred}-{number}:timeout" for number in range(100)))
    incident = check.incident(check.only_incident)
    assert incident.failure_count == 203
    assert len(incident.affected_regions) == MOST_REGIONS
    assert incident.affected_regions[:3] == ("eu", "us", "r-0-0")
