"""A process that is suspended finds out, however it was held up."""

import pytest

from infra.probing.standstills import Standstills


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("gap", "stood_still"), [(0.2, False), (1.1, False), (1.3, True), (600.0, True)])
def test_a_gap_between_beats_is_a_standstill_of_what_was_going_on(gap: float, *, stood_still: bool) -> None:
    time = Time()
    standstills = Standstills(0.2, time)
    began = time.now
    time.now += gap
    assert standstills.any_since(began) is stood_still
    began = time.now
    time.now += 0.1
    assert not standstills.any_since(began)


def test_a_standstill_that_a_beat_has_found_is_known_later() -> None:
    time = Time()
    standstills = Standstills(0.2, time)
    began = time.now
    time.now += 30
    standstills.beat()
    for _ in range(5):
        time.now += 0.2
        standstills.beat()
    assert standstills.any_since(began)
    assert not standstills.any_since(time.now)
