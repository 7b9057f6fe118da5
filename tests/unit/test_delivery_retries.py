"""When a delivery is tried again: ten attempts over three days, or later where the receiver asks for that."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.delivery.retries import LONGEST_WAIT, retry_after, wait
from infra.settings import RETRIES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waits(chance: float, asked: float = 0.0) -> list[float | None]:
    return [wait(RETRIES, tries, asked, lambda: chance) for tries in range(1, len(RETRIES) + 2)]


def test_ten_attempts_are_made_over_three_days() -> None:
    *times, end = waits(0.5)
    assert times == list(RETRIES)
    assert end is None
    assert timedelta(days=3) < timedelta(seconds=sum(RETRIES)) < timedelta(days=3.5)


def test_each_is_spread_by_a_tenth_up_and_down() -> None:
    assert wait(RETRIES, 2, 0.0, lambda: 0.0) == pytest.approx(270.0)
    assert wait(RETRIES, 2, 0.0, lambda: 1.0) == pytest.approx(330.0)


def test_a_receiver_can_put_an_attempt_off_but_not_bring_it_forward_nor_beyond_a_day_nor_after_the_last() -> None:
    assert waits(0.5, asked=600.0)[:3] == [600.0, 600.0, 1_800.0]
    assert waits(0.5, asked=1e12)[:2] == [LONGEST_WAIT, LONGEST_WAIT]
    assert waits(0.5, asked=1e12)[-1] is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("0", 0.0),
        (" 90 ", 90.0),
        ("٣", 0.0),
        ("1.5", 0.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sunday, 01-Mar-26 12:01:00 GMT", 60.0),
        ("Sun Mar  1 12:01:00 2026", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 99 Mar 2026 12:01:00 GMT", 0.0),
        ("tomorrow", 0.0),
    ],
)
def test_when_to_come_again_is_read_in_every_form_of_http(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds
