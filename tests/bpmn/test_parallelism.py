"""The queue of a process that limits how many of its instances run at once (contracts/engine.md 2.4)."""

import pytest

from domain.bpmn.events import InstanceState, TaskType
from domain.identity import queue_stream
from domain.processes.queue import Queue
from domain.rejection import InvalidState
from tests.bpmn.drawing import line, process
from tests.story import TENANT, Stage, Story, bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
CALLING = process(line("s:startEvent>c"), '<callActivity id="c" calledElement="p"/>', process_id="caller")


def limited(parallelism: int = 1) -> Stage:
    return Stage().deploys(ONE_TASK, parallelism=parallelism)


def states(*stories: Story) -> list[str]:
    return [str(story.instance.state) for story in stories]


def queue(stage: Stage) -> Queue:
    state: Queue = stage.log.states[queue_stream(TENANT, "p")]
    return state


def due(stage: Stage) -> list[TaskType]:
    return [task.type for _, task in stage.due_tasks()]


def test_an_instance_beyond_the_limit_is_queued_with_its_scope_and_its_start_event() -> None:
    stage = limited()
    first, second = stage.starts(), stage.starts()
    assert states(first, second) == ["STARTED", "QUEUED"]
    assert (second.state_of("p"), second.state_of("s")) == (InstanceState.QUEUED, InstanceState.QUEUED)
    assert second.instance.started_at is None
    assert not second.instance.jobs


def test_when_one_ends_a_task_starts_the_one_that_waited_longest() -> None:
    stage = limited()
    first, second, third = stage.starts(), stage.starts(), stage.starts()
    first.completes("work").has_ended()
    assert due(stage) == [TaskType.START_PROCESS_INSTANCE]
    assert states(second, third) == ["QUEUED", "QUEUED"]
    stage.runs_due_tasks()
    assert states(second, third) == ["STARTED", "QUEUED"]
    assert second.instance.started_at is not None
    second.waits_at("work").completes("work").has_ended()
    stage.runs_due_tasks()
    third.completes("work").has_ended()


def test_the_task_was_created_by_who_ended_the_one_before() -> None:
    stage = limited()
    first, _ = stage.starts(), stage.starts()
    first.completes("work")
    ((_, task),) = stage.due_tasks()
    assert task.created_by == "worker"


def test_one_that_is_to_start_counts_as_running_already() -> None:
    stage = limited()
    first, second = stage.starts(), stage.starts()
    first.completes("work")
    third = stage.starts()
    stage.runs_due_tasks()
    assert states(second, third) == ["STARTED", "QUEUED"]


def test_nobody_overtakes_those_who_wait() -> None:
    stage = limited()
    stage.starts()
    second = stage.starts()
    stage.deploys(ONE_TASK, version="2", parallelism=2)
    third = stage.starts(version="2")
    assert states(second, third) == ["QUEUED", "QUEUED"]


def test_the_queue_is_one_for_all_versions() -> None:
    stage = limited().deploys(ONE_TASK, version="2", parallelism=1)
    first, second, third = stage.starts(version="2"), stage.starts(version="1"), stage.starts(version="2")
    assert states(first, second, third) == ["STARTED", "QUEUED", "QUEUED"]
    first.completes("work")
    stage.runs_due_tasks()
    assert states(second, third) == ["STARTED", "QUEUED"]


def test_a_higher_limit_drains_the_queue_one_task_after_the_other() -> None:
    stage = limited()
    stories = [stage.starts() for _ in range(4)]
    stage.deploys(ONE_TASK, version="2", parallelism=3)
    assert due(stage) == [TaskType.DEQUEUE_PROCESS_INSTANCE]
    stage.runs(*stage.due_tasks()[0])
    assert sorted(due(stage)) == [TaskType.DEQUEUE_PROCESS_INSTANCE, TaskType.START_PROCESS_INSTANCE]
    stage.runs_due_tasks()
    assert states(*stories) == ["STARTED", "STARTED", "STARTED", "QUEUED"]


def test_a_lower_limit_lets_nobody_in_until_enough_have_ended() -> None:
    stage = limited(2)
    first, second, third = stage.starts(), stage.starts(), stage.starts()
    stage.deploys(ONE_TASK, version="2", parallelism=1)
    first.completes("work")
    stage.runs_due_tasks()
    assert states(third) == ["QUEUED"]
    second.completes("work")
    stage.runs_due_tasks()
    assert states(third) == ["STARTED"]


def test_a_limit_that_is_taken_away_lets_everybody_in() -> None:
    stage = limited()
    stories = [stage.starts() for _ in range(4)]
    stage.deploys(ONE_TASK, version="2").runs_due_tasks()
    assert states(*stories, stage.starts(version="2")) == ["STARTED"] * 5


def test_instances_that_ran_before_the_first_limit_take_places() -> None:
    stage = Stage().deploys(ONE_TASK)
    first = stage.starts()
    stage.deploys(ONE_TASK, version="2", parallelism=1)
    second = stage.starts(version="2")
    assert states(first, second) == ["STARTED", "QUEUED"]
    first.completes("work")
    stage.runs_due_tasks()
    assert states(second) == ["STARTED"]


def test_a_process_without_a_limit_has_no_queue() -> None:
    stage = Stage().deploys(ONE_TASK)
    stage.starts().completes("work").has_ended()
    assert queue_stream(TENANT, "p") not in stage.log.states


def test_variables_can_be_set_while_an_instance_waits_for_its_turn() -> None:
    stage = limited()
    stage.starts()
    story = stage.starts().sets(color="red")
    assert story.values() == {"color": "red"}


def test_an_instance_that_waits_for_its_turn_is_not_suspended_and_not_resumed() -> None:
    stage = limited()
    stage.starts()
    story = stage.starts()
    with pytest.raises(InvalidState, match="not in state STARTED, but QUEUED"):
        story.is_suspended()
    with pytest.raises(InvalidState, match="not in state SUSPENDED, but QUEUED"):
        story.is_resumed()


def test_a_called_instance_waits_for_its_turn_like_any_other() -> None:
    stage = limited().deploys(CALLING, "caller")
    first = stage.starts()
    caller = stage.starts("caller").completes("c")
    child = caller.called_by("c")
    assert states(child) == ["QUEUED"]
    first.completes("work")
    stage.runs_due_tasks()
    child.completes("work").has_ended()
    caller.completes("c").has_ended()


def test_an_instance_called_while_suspended_that_waited_starts_when_its_turn_comes() -> None:
    """Contracts/engine.md 2.4: it loses the suspension of its parent."""
    stage = limited().deploys(CALLING, "caller")
    first = stage.starts()
    caller = stage.starts("caller").is_suspended().completes("c")
    child = caller.called_by("c")
    first.completes("work")
    stage.runs_due_tasks()
    assert states(child) == ["STARTED"]
    child.waits_at("work")


def test_an_instance_that_is_canceled_in_the_queue_leaves_it() -> None:
    stage = limited()
    first, second, third = stage.starts(), stage.starts(), stage.starts()
    second.is_canceled().has_ended(InstanceState.CANCELED)
    first.completes("work")
    stage.runs_due_tasks()
    assert states(third) == ["STARTED"]
    assert not queue(stage).waiting


def test_an_instance_that_is_canceled_gives_up_its_place() -> None:
    stage = limited()
    first, second = stage.starts(), stage.starts()
    first.is_canceled()
    stage.runs_due_tasks()
    assert states(second) == ["STARTED"]


def test_an_instance_that_is_canceled_before_the_task_starts_it_gives_its_place_to_the_next() -> None:
    stage = limited()
    first, second, third = stage.starts(), stage.starts(), stage.starts()
    first.completes("work")
    second.is_canceled()
    stage.runs_due_tasks()
    assert states(second, third) == ["CANCELED", "STARTED"]


def test_an_instance_that_ends_at_once_gives_its_place_on_in_the_same_moment() -> None:
    stage = Stage().deploys(bpmn("s:startEvent e:endEvent", "s>e"), parallelism=1)
    for _ in range(3):
        stage.starts().has_ended()
    assert not queue(stage).active


def test_a_start_that_cannot_go_on_ends_in_an_incident_and_its_resolution_tries_again() -> None:
    doubling = " ".join(f"t{n}:task" for n in range(15))
    xml = bpmn(f"s:startEvent {doubling}", "s>t0 " + " ".join(f"t{n}>t{n + 1} t{n}>t{n + 1}" for n in range(14)))
    for number in range(14):  # two flows from each task to the next
        flow = f't{number}_t{number + 1}"'
        xml = xml.replace(f'id="{flow}', f'id="again_{flow}', 1)
    stage = limited().deploys(xml, version="2", parallelism=1)
    running, stopped = stage.starts(), stage.starts(version="2")
    running.completes("work")
    stage.runs_due_tasks()
    assert states(stopped) == ["QUEUED"]
    ((_, task),) = stage.log.stopped_outside()
    assert (task.type, stage.due_tasks()) == (TaskType.START_PROCESS_INSTANCE, [])
