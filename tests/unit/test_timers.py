"""When timers are due (contracts/engine.md 1.5, 2.11)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.bpmn.graph import Timer
from domain.bpmn.timers import TimerError, comes_again, due_at

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("timer", "due"),
    [
        (Timer(time=datetime(2026, 2, 1, tzinfo=UTC)), "2026-02-01 00:00:00"),
        (Timer(time=datetime(1999, 1, 1, tzinfo=UTC)), "1999-01-01 00:00:00"),
        (Timer(cycle="*/10 * * * * *"), "2026-01-31 09:00:10"),
        (Timer(cycle="30 9 * * *"), "2026-01-31 09:30:00"),
        (Timer(cycle="@monthly"), "2026-02-01 00:00:00"),
        (Timer(cycle="R/PT90M"), "2026-01-31 10:30:00"),
        (Timer(duration="PT1H30M"), "2026-01-31 10:30:00"),
        (Timer(duration="P1W"), "2026-02-07 09:00:00"),
        (Timer(duration="P1M"), "2026-03-03 09:00:00"),
        (Timer(duration="P1Y"), "2027-01-31 09:00:00"),
        (Timer(duration="PT0S"), "2026-01-31 09:00:00"),
    ],
)
def test_a_timer_is_due_at_its_time_or_counted_from_now_in_calendar_units(timer: Timer, due: str) -> None:
    assert due_at(timer, NOW).replace(tzinfo=None).isoformat(" ") == due


def test_a_time_with_another_offset_is_the_same_moment() -> None:
    time = datetime(2026, 2, 1, 1, 0, tzinfo=timezone(timedelta(hours=1)))
    assert due_at(Timer(time=time), NOW) == datetime(2026, 2, 1, tzinfo=UTC)


def test_of_time_cycle_and_duration_the_first_given_counts() -> None:
    time = datetime(2030, 1, 1, tzinfo=UTC)
    assert due_at(Timer(time, "@hourly", "PT1S"), NOW) == time
    assert due_at(Timer(None, "@hourly", "PT1S"), NOW) == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("timer", "error"),
    [
        (Timer(), "must specify a time, time cycle or time duration"),
        (Timer(cycle="0 0 30 2 *"), "the cron expression is never due"),
        (Timer(cycle="0 0 1 1 * 2020"), "the cron expression is not due any more"),
        (Timer(cycle="R/PT0S"), "the repeating interval is empty"),
        (Timer(duration="P9999Y"), "the duration leads past the year 9999"),
    ],
)
def test_a_timer_that_says_nothing_or_is_never_due_is_an_error(timer: Timer, error: str) -> None:
    with pytest.raises(TimerError, match=error):
        due_at(timer, NOW)


def test_each_time_of_a_cycle_follows_the_one_before_however_late_it_is_asked_for() -> None:
    due = [NOW]
    for _ in range(3):
        due.append(due_at(Timer(cycle="@hourly"), due[-1]))
    assert due[1:] == [NOW + timedelta(hours=number) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("timer", "again"),
    [
        (Timer(time=NOW + timedelta(days=1)), False),
        (Timer(cycle="@hourly"), True),
        (Timer(cycle="0 0 1 1 * 2026"), False),
        (Timer(duration="PT1H"), True),
        (Timer(duration="P9999Y"), False),
    ],
)
def test_a_point_in_time_comes_once_and_a_cycle_until_it_ends(timer: Timer, *, again: bool) -> None:
    assert comes_again(timer, NOW) is again
