"""The short form of the timer campaign, and its controls; the long form is a command (tests/faults/occurrences.py)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.bpmn.events import (
    EventTriggered,
    ProcessInstanceCompleted,
    ProcessInstanceStarted,
    TaskCompleted,
    TaskCreated,
    TaskType,
)
from domain.bpmn.graph import Timer
from tests.faults.occurrences import Fact, Timers, judge, step_and_kill

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_each_timer_happens_once_through_clock_steps_and_kills(open_directory: Path) -> None:
    told, violations = await step_and_kill(open_directory / "timers", Timers.of(150), kills=3, seed=7)
    print(told)
    assert violations == []
    assert "150 catch events" in told


def timer(number: int, due: datetime, element: str, process: str = "") -> TaskCreated:
    kind = TaskType.TRIGGER_EVENT
    timer = Timer(duration="PT1H")
    return TaskCreated(number, kind, 1, due, element=element, timer=timer, bpmn_process_id=process)


def happened(element: str) -> EventTriggered:
    return EventTriggered(3, 1, 1, element, timer=True)


CATCH = [
    Fact("i", NINE, ProcessInstanceStarted(1, "p", "1", correlation_key="c1")),
    Fact("i", NINE, timer(1, NINE + HOUR, "c")),
    Fact("i", NINE + HOUR, TaskCompleted(1)),
    Fact("i", NINE + HOUR, happened("c")),
    Fact("i", NINE + HOUR, ProcessInstanceCompleted()),
]
ACTIVITY = [
    Fact("a", NINE, ProcessInstanceStarted(1, "p", "1", correlation_key="a1")),
    Fact("a", NINE, timer(2, NINE + HOUR, "b")),
    Fact("a", NINE + HOUR, TaskCompleted(2)),
    Fact("a", NINE + HOUR, happened("b")),
    Fact("a", NINE + HOUR, timer(3, NINE + 2 * HOUR, "b")),
]
START = [
    Fact("t1", NINE, timer(1, NINE + HOUR, "s", "q")),
    Fact("t1", NINE + HOUR, TaskCompleted(1, 7)),
    Fact("j", NINE + HOUR, ProcessInstanceStarted(1, "q", "1", start_event="s")),
    Fact("t2", NINE + HOUR, timer(2, NINE + 2 * HOUR, "s", "q")),
]
ALL = CATCH + ACTIVITY + START


def judged(facts: list[Fact]) -> list[str]:
    return judge(facts, ["c1", "a1"], NINE + HOUR)


def test_what_has_happened_as_it_should_is_not_found_fault_with() -> None:
    assert judged(ALL) == []


@pytest.mark.parametrize("lost", ALL, ids=lambda fact: f"{fact.stream} {type(fact.event).__name__}")
def test_any_fact_that_is_lost_is_found(lost: Fact) -> None:
    assert judged([fact for fact in ALL if fact is not lost])


@pytest.mark.parametrize("doubled", ALL, ids=lambda fact: f"{fact.stream} {type(fact.event).__name__}")
def test_any_fact_that_is_doubled_is_found(doubled: Fact) -> None:
    assert judged([again for fact in ALL for again in ([fact, fact] if fact is doubled else [fact])])


@pytest.mark.parametrize(
    "moved",
    [
        lambda fact: fact._replace(at=fact.at - HOUR) if isinstance(fact.event, TaskCompleted) else fact,
        lambda fact: fact._replace(event=timer(9, NINE + 3 * HOUR, "s", "q")) if fact is START[-1] else fact,
        lambda fact: fact._replace(at=fact.at + HOUR) if fact is ACTIVITY[-1] else fact,
    ],
    ids=["too early", "a time of a cycle left out", "not an hour later"],
)
def test_a_time_that_is_not_the_right_one_is_found(moved: Callable[[Fact], Fact]) -> None:
    assert judged([moved(fact) for fact in ALL])
