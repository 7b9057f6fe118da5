"""When checks are due."""

from domain.monitoring.events import CheckSettings
from infra.probing.schedule import FIRST_WITHIN, Schedule
from projections.checks.queries import ProbedCheck


def check(number: int, interval: int = 60) -> ProbedCheck:
    settings = CheckSettings(f"no. {number}", "http", "https://example.org/", interval_seconds=interval)
    return ProbedCheck(f"01ARZ3NDEKTSV4RRFFQ69G5{number:03}", "acme", settings)


def scheduled(*checks: ProbedCheck, at: float) -> Schedule:
    schedule = Schedule()
    for one in checks:
        schedule.put(one, at)
    return schedule


def times(schedule: Schedule, start: float, end: float) -> list[float]:
    """Return when something was due, looking twice a second."""
    steps = int((end - start) * 2)
    return [start + step / 2 for step in range(steps) for _ in schedule.take(start + step / 2)]


def test_a_new_check_is_due_soon_and_then_once_an_interval() -> None:
    schedule = scheduled(check(1), at=1_000.0)
    first, *later = times(schedule, 1_000.0, 1_300.0)
    assert 1_000 <= first <= 1_000.5 + FIRST_WITHIN
    assert later == [first + 60 * number for number in range(1, len(later) + 1)]
    assert len(later) in {4, 5}


def test_many_new_checks_are_spread_over_the_beginning() -> None:
    schedule = scheduled(*map(check, range(300)), at=0.0)
    due = times(schedule, 0.0, FIRST_WITHIN + 1)
    assert len(due) == 300
    busiest = max(due.count(at) for at in set(due))
    assert busiest < 30


def test_looking_at_checks_again_does_not_change_when_they_are_due() -> None:
    schedule, undisturbed = scheduled(check(1), at=0.0), scheduled(check(1), at=0.0)
    found = []
    for step in range(600):
        schedule.put(check(1), step / 2)
        found += [step / 2 for _ in schedule.take(step / 2)]
    assert found == times(undisturbed, 0.0, 300.0)


def test_a_check_that_is_gone_is_due_no_more() -> None:
    schedule = scheduled(check(1), check(2), at=0.0)
    schedule.forget(check(1).check_id)
    schedule.forget(check(3).check_id)
    assert {found.check_id for found in schedule.take(1_000.0)} == {check(2).check_id}


def test_times_that_were_missed_are_not_made_up_for() -> None:
    schedule = scheduled(check(1), at=0.0)
    assert len(schedule.take(10_000.0)) == 1
    assert schedule.take(10_000.0) == []
    assert len(times(schedule, 10_000.5, 10_061.0)) == 1


def test_a_shorter_interval_counts_at_once() -> None:
    schedule = scheduled(check(1, 86_400), at=0.0)
    assert len(schedule.take(100.0)) == 1
    schedule.put(check(1, 30), 200.0)
    assert len(times(schedule, 200.0, 231.0)) == 1


def test_what_is_due_is_the_check_as_it_is_now() -> None:
    schedule = scheduled(check(1), at=0.0)
    changed = ProbedCheck(check(1).check_id, "acme", CheckSettings("another", "tcp", "example.org:80"))
    schedule.put(changed, 1.0)
    assert schedule.take(100.0) == [changed]


def test_a_check_that_is_gone_and_comes_back_is_due_once_at_a_time() -> None:
    schedule = scheduled(check(1), at=0.0)
    for moment in (0.0, 5.0, 5.0):
        schedule.forget(check(1).check_id)
        schedule.put(check(1), moment)
    found = times(schedule, 5.0, 120.0)
    assert len(found) == 2
    assert found[1] - found[0] == 60
