"""ISO 8601 durations: grammar, and calendar arithmetic that runs over into the next month (contracts/engine.md 1.5)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bpmn.durations import Duration, DurationError, is_duration, parse_duration


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("", Duration()),
        ("P1Y2M3W4DT5H6M7S", Duration(1, 2, 3, 4, 5, 6, 7)),
        ("P1Y", Duration(years=1)),
        ("P1M", Duration(months=1)),
        ("PT1M", Duration(minutes=1)),
        ("P2W", Duration(weeks=2)),
        ("P1DT1S", Duration(days=1, seconds=1)),
        ("P0D", Duration()),
        ("PT007S", Duration(seconds=7)),
        ("PT86400000S", Duration(seconds=86_400_000)),
    ],
)
def test_a_duration_is_read_in_the_units_it_is_written_in(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration
    assert is_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "P",
        "PT",
        "P1DT",
        "1D",
        "T1H",
        "P1",
        "P1H",
        "PT1D",
        "P1M1Y",
        "PT1S1M",
        "P1.5D",
        "P1,5D",
        "-P1D",
        "P-1D",
        "+P1D",
        "p1d",
        " P1D",
        "P1D ",
        "P1D\n",
        "P1D\x00",
        "P 1D",
        "P\uff11D",
        "P1DT1H1",
        "P1D/P1D",
        "P1Y1Y",
        "PT1H2H",
        "hello",
    ],
)
def test_what_is_not_a_duration_of_whole_numbers_is_refused(text: str) -> None:
    assert not is_duration(text)
    with pytest.raises(DurationError, match="is not an ISO 8601 duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("begin", "text", "end"),
    [
        ("2026-01-31T08:30:00.125", "P1M", "2026-03-03T08:30:00.125"),
        ("2028-01-31", "P1M", "2028-03-02"),
        ("2026-10-31", "P1M", "2026-12-01"),
        ("2026-12-31", "P2M", "2027-03-03"),
        ("2028-02-29", "P1Y", "2029-03-01"),
        ("2028-02-29", "P4Y", "2032-02-29"),
        ("2026-11-30", "P13M", "2027-12-30"),
        ("2026-12-15", "P12M", "2027-12-15"),
        ("2026-01-31", "P1M1D", "2026-03-04"),
        ("2026-11-20", "P1W", "2026-11-27"),
        ("2026-11-20T23:00:00", "PT90M", "2026-11-21T00:30:00"),
        ("2026-01-31T00:00:00", "P1MT24H", "2026-03-04"),
        ("2026-11-20", "", "2026-11-20"),
        ("2026-01-31", "P1Y2M3W4DT5H6M7S", "2027-04-25T05:06:07"),
        ("7999-12-31", "P2000Y", "9999-12-31"),
    ],
)
def test_a_day_that_the_month_does_not_have_runs_over_into_the_next(begin: str, text: str, end: str) -> None:
    assert parse_duration(text).after(moment(begin)) == moment(end)


@pytest.mark.parametrize(
    "text", ["P2001Y", "P24001M", "P9999Y", "P800000D", "PT99999999999999S", "P999999999999999Y", "PT999999999999999H"]
)
def test_a_duration_of_more_than_2000_years_is_refused(text: str) -> None:
    assert not is_duration(text)
    with pytest.raises(DurationError, match="past the year 9999"):
        parse_duration(text)


@pytest.mark.parametrize("text", [f"P{'9' * 16}D", f"P{'9' * 100_000}Y", f"PT{'0' * 100_000}1S"])
def test_a_number_of_more_digits_than_anyone_counts_is_refused(text: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_duration(text)
    assert len(str(refused.value)) < 200


def test_a_moment_from_which_the_duration_leads_out_of_the_calendar_is_refused() -> None:
    with pytest.raises(DurationError, match="past the year 9999"):
        parse_duration("PT1S").after(moment("9999-12-31T23:59:59"))


@given(st.datetimes(max_value=datetime.fromisoformat("7999-12-31")), st.integers(0, 23_999))
def test_months_keep_the_day_or_run_over_by_the_days_that_are_missing(begin: datetime, months: int) -> None:
    end = Duration(months=months).after(begin)
    first = Duration(months=months).after(begin.replace(day=1))
    assert end - first == timedelta(days=begin.day - 1)
    assert (first.year * 12 + first.month) - (begin.year * 12 + begin.month) == months


@given(st.from_regex(r"P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?(T(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}S)?)?"))
def test_what_is_accepted_can_be_added_to_every_moment_before_the_year_8000(text: str) -> None:
    if is_duration(text):
        assert parse_duration(text).after(moment("7999-12-31")) >= moment("7999-12-31")


@given(st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    assert is_duration(text) in (True, False)
