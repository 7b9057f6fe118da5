"""Cron expressions: which are taken, and when they are due next (contracts/engine.md 1.5)."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bpmn.cycles import NAMED, CycleError, is_cycle, next_time

FRIDAY_EVENING = datetime(2026, 11, 20, 18, 30, 15, 500_000, tzinfo=UTC)


def due(expression: str, after: datetime = FRIDAY_EVENING) -> str:
    return next_time(expression, after).replace(tzinfo=None).isoformat(" ")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "2026-11-20 18:31:00"),
        ("30 18 * * *", "2026-11-21 18:30:00"),
        ("*/20 * * * *", "2026-11-20 18:40:00"),
        ("0 9-17/4 * * *", "2026-11-21 09:00:00"),
        ("0 9 * * mon-fri", "2026-11-23 09:00:00"),
        ("0 0 1 JAN *", "2027-01-01 00:00:00"),
        ("0 0 * * 7", "2026-11-22 00:00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 L * *", "2026-11-30 00:00:00"),
        ("0 0 LW 10 *", "2027-10-29 00:00:00"),
        ("0 0 * * 5L", "2026-11-27 00:00:00"),
        ("0 0 * * 1#2", "2026-12-14 00:00:00"),
        ("0 0 1 * ?", "2026-12-01 00:00:00"),
        ("0 0 ? * 1", "2026-11-23 00:00:00"),
    ],
)
def test_five_fields_are_minute_hour_day_month_and_weekday(expression: str, expected: str) -> None:
    assert due(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", "2026-11-20 18:30:16"),
        ("*/10 * * * * *", "2026-11-20 18:30:20"),
        ("15 30 18 * * *", "2026-11-21 18:30:15"),
        ("15,45 * * * * *", "2026-11-20 18:30:45"),
    ],
)
def test_a_sixth_field_before_them_is_the_second(expression: str, expected: str) -> None:
    assert due(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 1 1 * 2030", "2030-01-01 00:00:00"),
        ("0 0 1 1 * 2020-2040", "2027-01-01 00:00:00"),
        ("30 0 0 1 1 * 2030", "2030-01-01 00:00:30"),
        ("0 0 0 1 1 * *", "2027-01-01 00:00:00"),
        ("0 0 0 1 1 * ?", "2027-01-01 00:00:00"),
        ("0 0 0 1 1 * 2020,2033-2035", "2033-01-01 00:00:00"),
        ("0 0 0 1 1 * 2030-2040/5", "2030-01-01 00:00:00"),
        ("0 0 0 1 1 * 2031/5", "2031-01-01 00:00:00"),
        ("0 0 0 29 2 * 2030-2199/2", "2032-02-29 00:00:00"),
        ("0 * * * * * 2026", "2026-11-20 18:31:00"),
    ],
)
def test_a_field_of_four_digits_after_them_is_the_year(expression: str, expected: str) -> None:
    assert due(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 15W * *", "2026-12-15 00:00:00"),
        ("0 0 22W 11 *", "2026-11-23 00:00:00"),
        ("0 0 28W 11 *", "2026-11-27 00:00:00"),
        ("0 0 1W 5 *", "2027-05-03 00:00:00"),
        ("0 0 31W 1 *", "2027-01-29 00:00:00"),
        ("0 0 30W,1w * *", "2026-11-30 00:00:00"),
        ("0 0 0 15W * ? 2027", "2027-01-15 00:00:00"),
    ],
)
def test_w_is_the_weekday_nearest_to_a_day_in_the_same_month(expression: str, expected: str) -> None:
    assert due(expression) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@everysecond", "2026-11-20 18:30:16"),
        ("@always", "2026-11-20 18:31:00"),
        ("@5minutes", "2026-11-20 18:35:00"),
        ("@10minutes", "2026-11-20 18:40:00"),
        ("@15minutes", "2026-11-20 18:45:00"),
        ("@30minutes", "2026-11-20 19:00:00"),
        ("@hourly", "2026-11-20 19:00:00"),
        ("@daily", "2026-11-21 00:00:00"),
        ("@weekly", "2026-11-22 00:00:00"),
        ("@monthly", "2026-12-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("@annually", "2027-01-01 00:00:00"),
        (" @Hourly ", "2026-11-20 19:00:00"),
    ],
)
def test_a_cycle_may_be_named(name: str, expected: str) -> None:
    assert due(name) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "*",
        "* * * *",
        "* * * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * MON#6",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "@never",
        "@",
        "1.5 * * * *",
        "-1 * * * *",
        "* * * * * * 1969",
        "* * * * * * 2200",
        "* * * * * * 2040-2030",
        "* * * * * * 2030/0",
        "* * * * * * soon",
        "* * * * * * 2030,",
        "* * 0W * *",
        "* * 32W * *",
        "* * W * *",
        "* * 15W,3 * *",
        "* * 15W * MON",
        "* * * * ²L",
        "\u0661 * * * *",
        f"{'9' * 5_000} * * * *",
        "0," * 300 + "0 * * * *",
        "* * * * *\x00",
        "* * ? ? *",
    ],
)
def test_what_is_not_a_cron_expression_is_refused(expression: str) -> None:
    assert not is_cycle(expression)
    with pytest.raises(CycleError):
        next_time(expression, FRIDAY_EVENING)


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 31W 2 *",
        "0 0 30W 2 *",
        "0 0 0 29 2 * 1971-2199/2",
        "0 0 1 1 * 2020",
        "0 0 0 30 2 * 2030-2199",
        "* * * * * * 1970",
    ],
)
def test_a_cycle_that_is_never_due_is_written_well_but_refused_when_asked_for_its_time(expression: str) -> None:
    assert is_cycle(expression)
    began = time.process_time()
    with pytest.raises(CycleError, match=r"never due|not due any more"):
        next_time(expression, FRIDAY_EVENING)
    assert time.process_time() - began < 0.3


def test_the_next_time_lies_after_the_moment_and_is_in_utc_to_the_second() -> None:
    on_the_hour = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
    assert next_time("@hourly", on_the_hour) == on_the_hour + timedelta(hours=1)
    elsewhere = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(timedelta(hours=5)))
    assert next_time("0 0 * * *", elsewhere) == datetime(2026, 11, 21, tzinfo=UTC)
    assert next_time("* * * * *", elsewhere).tzinfo is UTC


def test_there_is_no_next_time_at_the_end_of_the_calendar() -> None:
    with pytest.raises(CycleError):
        next_time("@yearly", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


@given(st.sampled_from(sorted(NAMED)), st.datetimes(timezones=st.just(UTC)).filter(lambda after: after.year < 9990))
def test_a_named_cycle_is_due_within_two_years_of_any_moment(name: str, after: datetime) -> None:
    assert after < next_time(name, after) <= after + timedelta(days=366)


FIELD = st.text("0123456789*/,-L#W?MONJA", max_size=6)


@given(st.lists(FIELD | st.sampled_from(["*", "1", "2030", "15W", "L"]), max_size=8).map(" ".join))
def test_any_text_is_a_cycle_with_a_next_time_or_refused(expression: str) -> None:
    try:
        assert next_time(expression, FRIDAY_EVENING) > FRIDAY_EVENING
    except CycleError as refused:
        assert str(refused)  # noqa: PT017  (refusing is one of two good ends)
