"""A short campaign of random models (the long one: ``python -m tests.models.campaign``), and what it can find."""

from itertools import count

import pytest

from domain.bpmn.events import InstanceEvent, VariableSet
from domain.bpmn.evolution import evolve
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element, ElementType
from tests.models.campaign import run

#: Other models than these are walked by the long campaign.
SEED = 7_000


async def test_random_walks_through_random_models_leave_nothing_unclassified() -> None:
    tally = await run(SEED, models=100, paths=range(1))
    assert not tally.wrong, tally.report(0)
    assert tally.instances.keys() >= {"COMPLETED", "STARTED", "SUSPENDED", "TERMINATED", "CANCELED", "QUEUED"}
    assert tally.reached.keys() == set(ElementType)


async def test_a_walk_is_the_same_each_time() -> None:
    first, second = [await run(SEED, models=3, paths=range(2)) for _ in range(2)]
    assert first.report(0) == second.report(0)


async def test_a_dropped_token_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    arrive = Turn.arrive
    arrivals = count(1)

    def drop_some(turn: Turn, element: Element, parent_id: int, from_element: str = "") -> None:
        if next(arrivals) % 20:
            arrive(turn, element, parent_id, from_element)

    monkeypatch.setattr(Turn, "arrive", drop_some)
    tally = await run(SEED, models=10, paths=range(1), most_wrong=1)
    assert any("unclassified" in walk.wrong for _, _, walk in tally.wrong)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("domain.coordination.running.unsubscribe", "subscribed"),
        ("domain.coordination.running.return_to_caller", "waits for nothing"),
        ("domain.coordination.running.leave_queue", "active"),
        ("domain.coordination.triggering.close_message", "still open"),
        ("domain.bpmn.boundary.wait_again", "waits for nothing"),
        ("domain.bpmn.execution.Turn.look_at", "waits for nothing"),
    ],
)
async def test_a_part_of_the_engine_that_does_nothing_is_found(
    broken: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken, lambda *_arguments: None)
    tally = await run(SEED, models=200, paths=range(1), most_wrong=1)
    assert [walk.wrong for _, _, walk in tally.wrong if complaint in walk.wrong], tally.report(0)


async def test_a_fact_that_is_not_recorded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_variables(turn: Turn, event: InstanceEvent) -> None:
        if not isinstance(event, VariableSet):
            turn.events.append(event)
        evolve(turn.instance, event, turn.now, turn.by)

    monkeypatch.setattr(Turn, "record", forget_variables)
    tally = await run(SEED, models=10, paths=range(1))
    assert any("not what its facts say" in walk.wrong for _, _, walk in tally.wrong)
