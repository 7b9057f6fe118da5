"""A range is covered by spans without gap or overlap; only the seconds at its ends stick out of it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.time_spans import DAY, HOUR, MINUTE, SECOND, SPANS, Range, between, counted, cover, milliseconds

times = st.one_of(
    st.integers(-3 * DAY, 3 * DAY),
    st.builds(lambda n, span, off: n * span + off, st.integers(-50, 50), st.sampled_from(SPANS), st.integers(-1, 1)),
)


@given(times, times)
def test_the_spans_of_a_cover_follow_each_other_from_end_to_end(begin: int, end: int) -> None:
    bounds = []
    for span, first, after in zip(*cover(Range(begin, end)), strict=True):
        assert first % span == 0
        bounds.append((first, first - (first - after) // span * span))
    if begin >= end:
        assert not bounds
        return
    assert [after for _, after in bounds[:-1]] == [first for first, _ in bounds[1:]]
    assert bounds[0][0] <= begin < bounds[0][0] + SECOND
    assert bounds[-1][1] - SECOND < end <= bounds[-1][1]


@given(times, st.integers(1, 400 * DAY))
def test_a_cover_needs_few_spans_beside_the_days(begin: int, length: int) -> None:
    rows = sum(
        -(-(after - first) // span)
        for span, first, after in zip(*cover(Range(begin, begin + length)), strict=True)
        if span < DAY
    )
    assert rows <= 2 * (23 + 59 + 60)


def test_a_range_without_ends_is_covered_by_days_alone() -> None:
    assert set(cover(Range()).spans) == {DAY}


@given(st.lists(st.integers(0, 2 * DAY), max_size=50), times, times)
def test_what_is_counted_in_the_spans_of_a_cover_is_what_happened_in_the_range(
    moments: list[int], begin: int, end: int
) -> None:
    counts = {(span, begins): (times, within) for span, begins, times, within in counted(moments)}
    total = 0
    for span, first, after in zip(*cover(Range(begin, end)), strict=True):
        for (length, begins), (times_, within) in counts.items():
            if length != span or not first <= begins < after:
                continue
            if begins >= begin and begins + span <= end:
                total += times_
            else:
                assert within is not None
                total += sum(begin <= begins + int(each) < end for each in within[1:-1].split(","))
    assert total == sum(begin <= moment < end for moment in moments)


def test_a_second_keeps_its_milliseconds_in_the_order_of_the_facts() -> None:
    (second,) = [count for count in counted([1_005, 1_001, 1_001]) if count[0] == SECOND]
    assert second == (SECOND, 1_000, 3, "{5,1,1}")
    assert [count[0] for count in counted([1_005])] == [SECOND, MINUTE, HOUR, DAY]


@pytest.mark.parametrize(
    ("microsecond", "begin", "end"), [(0, 1_000, 1_001), (1, 1_001, 1_001), (999, 1_001, 1_001), (1_000, 1_001, 1_002)]
)
def test_both_ends_of_a_range_belong_to_it_even_between_milliseconds(microsecond: int, begin: int, end: int) -> None:
    moment = datetime(1970, 1, 1, 0, 0, 1, microsecond, tzinfo=UTC)
    assert between(moment, None).begin == begin
    assert between(None, moment).end == end


def test_times_of_any_zone_are_counted_in_utc() -> None:
    there = datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert milliseconds(there) == 0
