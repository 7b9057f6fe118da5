"""Making and changing checks, and the limits of their fields and of results (contracts/incidents.md 0.6, checks)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from commands.check_results import ReportedResult, ReportResults
from commands.checks import ChangeCheck, CreateCheck, DeleteCheck
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckPaused,
    CheckResumed,
    CheckSettings,
)
from domain.rejection import InvalidInput, NotFound
from tests.monitoring import SHOP, Monitored
from tests.story import Stage


def places(command: Any, check: Monitored) -> list[str]:
    """Return the places of what is wrong with a command, which appends nothing."""
    before = len(check.stage.log.facts)
    with pytest.raises(InvalidInput) as refusal:
        check.stage.send(command, check.ulid)
    assert len(check.stage.log.facts) == before
    return [cause.pointer for cause in refusal.value.causes]


def test_a_check_is_made_as_it_is_asked_for() -> None:
    check = Monitored(replace(SHOP, name=" Shop "))
    assert check.facts == [CheckCreated(SHOP)]
    assert check.state.status == "up"


def test_a_change_keeps_the_fields_that_changed_and_no_others() -> None:
    check = Monitored(replace(SHOP, keyword="basket", expected_status=200))
    check.changes(name="Shop", keyword=None, interval_seconds=120, regions=("eu",))
    assert check.facts[1:] == [CheckChanged({"keyword": None, "interval_seconds": 120, "regions": ("eu",)})]
    assert check.state.settings == replace(SHOP, expected_status=200, interval_seconds=120, regions=("eu",))


def test_a_change_to_what_already_is_is_no_fact() -> None:
    check = Monitored().changes(paused=False, name="Shop", regions=())
    assert len(check.facts) == 1


def test_a_check_is_paused_and_resumed_once() -> None:
    check = Monitored()
    for paused in (True, True, False, False):
        check.changes(paused=paused)
    assert check.facts[1:] == [CheckPaused(), CheckResumed()]


GOOD: list[dict[str, Any]] = [
    {"name": "n" * 255, "target_url": f"https://h/{'p' * 2038}"},
    {"interval_seconds": 30, "timeout_ms": 100, "expected_status": 100, "slow_threshold_ms": 1},
    {"interval_seconds": 86_400, "timeout_ms": 60_000, "expected_status": 599, "slow_threshold_ms": 60_000},
    {"type": "tcp", "target_url": "db.example.org:5432"},
    {"type": "dns", "target_url": "example.org"},
    {"type": "ssl", "target_url": "example.org:8443"},
    {"type": "ping", "target_url": "10.0.0.1"},
    {"type": "heartbeat", "target_url": "nightly-backup"},
    {"type": "keyword", "target_url": "HTTP://example.org", "keyword": "k" * 500},
    {"regions": ("r" * 64,) * 100},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "#/name"),
    ({"name": " \n"}, "#/name"),
    ({"name": "n" * 256}, "#/name"),
    ({"name": "a\x00b"}, "#/name"),
    ({"type": ""}, "#/type"),
    ({"type": "HTTP"}, "#/type"),
    ({"target_url": ""}, "#/target_url"),
    ({"target_url": f"https://h/{'p' * 2039}"}, "#/target_url"),
    ({"target_url": "https://shop.example.org/a b"}, "#/target_url"),
    ({"target_url": "shop.example.org"}, "#/target_url"),
    ({"target_url": "ftp://shop.example.org"}, "#/target_url"),
    ({"target_url": "https://"}, "#/target_url"),
    ({"target_url": "https://[::1"}, "#/target_url"),
    ({"target_url": "https://h:99999"}, "#/target_url"),
    ({"interval_seconds": 29}, "#/interval_seconds"),
    ({"interval_seconds": 86_401}, "#/interval_seconds"),
    ({"timeout_ms": 99}, "#/timeout_ms"),
    ({"timeout_ms": 60_001}, "#/timeout_ms"),
    ({"expected_status": 99}, "#/expected_status"),
    ({"expected_status": 600}, "#/expected_status"),
    ({"slow_threshold_ms": 0}, "#/slow_threshold_ms"),
    ({"slow_threshold_ms": 60_001}, "#/slow_threshold_ms"),
    ({"keyword": ""}, "#/keyword"),
    ({"keyword": "k" * 501}, "#/keyword"),
    ({"regions": ("eu", "")}, "#/regions/1"),
    ({"regions": ("r" * 65,)}, "#/regions/0"),
    ({"regions": ("eu",) * 101}, "#/regions"),
]


@pytest.mark.parametrize("fields", GOOD)
def test_a_check_within_the_limits_is_taken(fields: dict[str, Any]) -> None:
    assert Monitored(replace(SHOP, **fields)).state.settings == replace(SHOP, **fields)


@pytest.mark.parametrize(("fields", "pointer"), BAD)
def test_a_check_beyond_the_limits_is_refused_when_it_is_made_and_when_it_is_changed(
    fields: dict[str, Any], pointer: str
) -> None:
    check = Monitored()
    assert places(CreateCheck(replace(SHOP, **fields)), check) == [pointer]
    assert places(ChangeCheck(fields), check) == [pointer]


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = CheckSettings("", "pigeon", "", 0, 0, 0, "", 0, ("",))  # type: ignore[arg-type]  # on purpose
    assert len(places(CreateCheck(wrong), Monitored())) == 9


def test_a_change_is_checked_against_what_the_check_becomes() -> None:
    check = Monitored(replace(SHOP, type="tcp", target_url="db:5432"))
    assert places(ChangeCheck({"type": "http"}), check) == ["#/target_url"]
    check.changes(type="http", target_url="http://db:5432")


def test_a_change_of_nothing_is_refused() -> None:
    assert places(ChangeCheck({}), Monitored()) == []


@pytest.mark.parametrize("command", [ChangeCheck({"name": "x"}), DeleteCheck()])
def test_an_unknown_deleted_or_foreign_check_is_not_there(command: Any) -> None:
    check, gone = Monitored(), Monitored().is_deleted()
    for stage, ulid, tenant in (
        (check.stage, "0" * 26, "default"),
        (check.stage, check.ulid, "rival"),
        (gone.stage, gone.ulid, "default"),
    ):
        with pytest.raises(NotFound) as refusal:
            stage.send(command, ulid, "person", tenant)
        assert refusal.value.detail == f"check chk_{ulid} could not be found"


WRONG_RESULTS: list[tuple[ReportedResult, str]] = [
    (ReportedResult("", ok=True), "region"),
    (ReportedResult("r" * 65, ok=True), "region"),
    (ReportedResult("eu\x07", ok=True), "region"),
    (ReportedResult("eu", ok=False), "type"),
    (ReportedResult("eu", ok=False, type=""), "type"),
    (ReportedResult("eu", ok=False, type="broken"), "type"),
    (ReportedResult("eu", ok=True, type="timeout"), "type"),
    (ReportedResult("eu", ok=True, message="m" * 1001), "message"),
    (ReportedResult("eu", ok=True, message="\x1b[2J"), "message"),
    (ReportedResult("eu", ok=True, latency_ms=-1), "latency_ms"),
    (ReportedResult("eu", ok=True, latency_ms=1e300), "latency_ms"),
]


@pytest.mark.parametrize(("result", "field"), WRONG_RESULTS)
def test_a_result_that_says_nothing_is_refused_with_all_that_came_with_it(result: ReportedResult, field: str) -> None:
    check = Monitored()
    assert places(ReportResults((result,)), check) == [f"#/{field}"]
    assert places(ReportResults((ReportedResult("eu", ok=True), result)), check) == [f"#/1/{field}"]


@pytest.mark.parametrize("many", [0, 101])
def test_results_are_one_to_a_hundred(many: int) -> None:
    assert places(ReportResults((ReportedResult("eu", ok=True),) * many), Monitored()) == ["#"]


def test_a_result_may_be_a_minute_ahead_and_no_more() -> None:
    check = Monitored()
    ahead = check.stage.clock.now() + timedelta(seconds=61)  # a second passes before it is sent
    check.hears("eu:ok", at=ahead)
    late = ahead + timedelta(seconds=1, milliseconds=1)
    assert places(ReportResults((ReportedResult("eu", ok=True, observed_at=late),)), check) == ["#/observed_at"]


def test_checks_of_one_stage_do_not_hear_each_other() -> None:
    stage = Stage()
    one, other = Monitored(stage=stage), Monitored(stage=stage)
    one.hears("eu:timeout us:timeout")
    assert other.hears("eu:timeout") == ("up", None)
    assert one.hears("eu:timeout").check_status == "down"
