"""Timers in models: times, cycles and durations are honoured, or said to be unreadable (decision 2)."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.bpmn.cycles import CycleError, is_cycle, next_time
from domain.bpmn.graph import EventDefinition, Timer
from tests.bpmn.refusing import document, element, event, read

MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def timer(inside: str) -> Timer | None:
    definition = element(event("intermediateCatchEvent", "timer", inside=inside)).definition
    return definition.timer if definition is not None else None


def unreadable(inside: str) -> str:
    model = read(document(event("intermediateCatchEvent", "timer", inside=inside)))
    assert model.elements[1].definition is None
    return model.unreadable_timers["x"]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<timeDate>2026-11-20T09:00:00Z</timeDate>", Timer(time=MORNING)),
        ("<timeDate> 2026-11-20T10:00:00.0009+01:00\n</timeDate>", Timer(time=MORNING)),
        ("<timeCycle>0 9 * * *</timeCycle>", Timer(cycle="0 9 * * *")),
        ("<timeCycle>R/PT1H</timeCycle>", Timer(cycle="R/PT1H")),
        ("<timeDuration>P1DT2H</timeDuration>", Timer(duration="P1DT2H")),
        ("<timeDate/><timeDuration>PT1S</timeDuration>", Timer(duration="PT1S")),
    ],
)
def test_a_timer_has_the_time_cycle_or_duration_of_the_model(inside: str, expected: Timer) -> None:
    assert timer(inside) == expected


@pytest.mark.parametrize(
    "inside", ["", "<timeDate/>", "<timeDuration> </timeDuration>", "<documentation>PT1H</documentation>"]
)
def test_a_timer_that_says_nothing_is_open(inside: str) -> None:
    assert timer(inside) is None
    assert read(document(event("intermediateCatchEvent", "timer", inside=inside))).unreadable_timers == {}


@pytest.mark.parametrize("tag", ["startEvent", "boundaryEvent", "intermediateCatchEvent"])
def test_every_timer_event_is_read(tag: str) -> None:
    content = '<userTask id="t"/>' + event(tag, "timer", inside="<timeDuration>PT1H</timeDuration>")
    assert element(content).definition == EventDefinition(timer=Timer(duration="PT1H"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tomorrow", "tomorrow is not an ISO 8601 date and time"),
        ("${when}", "${when} is not an ISO 8601 date and time"),
        ("2026-11-20T09:00:00", "2026-11-20T09:00:00 has no offset from UTC"),
        ("2026-11-20", "2026-11-20 has no offset from UTC"),
        ("9999-12-31T23:00:00-05:00", "9999-12-31T23:00:00-05:00 is not an ISO 8601 date and time"),
        ("x" * 200, f"{'x' * 100} is not an ISO 8601 date and time"),
    ],
)
def test_a_time_that_cannot_be_understood_is_not_guessed_at(text: str, reason: str) -> None:
    assert unreadable(f"<timeDate>{text}</timeDate>") == reason


def test_a_timer_is_not_due_in_two_ways() -> None:
    both = "<timeCycle>@daily</timeCycle><timeDuration>PT1H</timeDuration>"
    assert unreadable(both) == "timeCycle and timeDuration cannot both be given"


def test_an_interval_repeats_from_the_last_time_on() -> None:
    assert next_time("R/PT1H", MORNING) == MORNING + timedelta(hours=1)
    assert next_time("R/P1M", datetime(2026, 1, 31, tzinfo=UTC)) == datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("R3/PT1H", "has no number and no start"),
        ("R/2026-11-20T09:00:00Z/PT1H", "has no number and no start"),
        ("R/PT0S", "is empty"),
        ("R/P", "is not an ISO 8601 duration"),
        ("R/PT1H/2026-11-20T09:00:00Z", "is not an ISO 8601 duration"),
        ("R/P3000Y", "leads past the year 9999"),
    ],
)
def test_an_interval_that_would_have_to_be_counted_or_never_ends_is_refused(text: str, reason: str) -> None:
    assert not is_cycle(text)
    with pytest.raises(CycleError, match=reason):
        next_time(text, MORNING)


def test_an_interval_is_a_cycle_where_clients_are_asked_for_one_too() -> None:
    assert is_cycle("R/PT1H")
