"""Timer start event: a time begins an instance, or an event sub-process (contracts/engine.md 2.2, 2.11)."""

from datetime import timedelta

import pytest

from commands.intents import Timer
from commands.processes import TimerDefinition
from domain.bpmn.events import TaskType
from domain.rejection import InvalidInput
from tests.story import MORNING, Stage, Story, bpmn

HOUR = timedelta(hours=1)
UNKNOWN = bpmn("s:timerStart a:serviceTask", "s>a")


def started_by(timer: str) -> Stage:
    return Stage().deploys(bpmn(f"s:timerStart~{timer} a:serviceTask", "s>a"))


def test_a_duration_counts_from_the_deployment_and_starts_one_instance() -> None:
    stage = started_by("PT1H")
    deployed = stage.clock.time
    ((_, task),) = stage.log.outside_tasks()
    assert (task.type, task.element, task.due_at) == (TaskType.TRIGGER_EVENT, "s", deployed + HOUR)
    assert stage.runs_due_tasks().stories() == []
    (story,) = stage.passes(HOUR).runs_due_tasks().stories()
    story.waits_at("a")
    assert len(stage.passes(5 * HOUR).runs_due_tasks().stories()) == 1


def test_a_time_starts_one_instance() -> None:
    stage = started_by("2026-11-20T10:00:00Z")
    assert stage.runs_due_tasks().stories() == []
    assert len(stage.passes(HOUR).runs_due_tasks().stories()) == 1
    assert len(stage.passes(24 * HOUR).runs_due_tasks().stories()) == 1


def test_a_time_in_the_past_starts_its_instance_at_once() -> None:
    assert len(started_by("2001-01-01T00:00:00Z").runs_due_tasks().stories()) == 1


def test_a_cycle_starts_an_instance_each_time() -> None:
    stage = started_by("@hourly")
    for times in (1, 2, 3):
        assert len(stage.passes(HOUR).runs_due_tasks().stories()) == times


def test_missed_times_of_a_cycle_are_caught_up_one_by_one_each_from_the_one_before() -> None:
    stage = started_by("@hourly").passes(5 * HOUR)
    due = []
    while stage.due_tasks():
        ((stream, task),) = stage.due_tasks()
        due.append(task.due_at)
        stage.runs(stream, task)
    assert due == [MORNING + number * HOUR for number in range(1, 6)]
    assert len(stage.stories()) == 5
    ((_, task),) = stage.log.outside_tasks()
    assert task.due_at == MORNING + 6 * HOUR


def test_the_last_time_of_a_cycle_starts_an_instance_too() -> None:
    noon = TimerDefinition("s", Timer(time_cycle="0 12 20 11 * 2026"))
    stage = Stage().deploys(UNKNOWN, timers=(noon,)).passes(5 * HOUR).runs_due_tasks()
    assert len(stage.stories()) == 1
    assert list(stage.log.outside_tasks()) == []


def test_a_repeating_duration_counts_from_the_deployment_on() -> None:
    stage = started_by("R/PT90M")
    deployed = stage.clock.time
    stage.passes(timedelta(hours=4)).runs_due_tasks()
    assert len(stage.stories()) == 2
    ((_, task),) = stage.log.outside_tasks()
    assert task.due_at == deployed + timedelta(minutes=270)


def test_the_engine_has_created_the_instance() -> None:
    (story,) = started_by("PT1S").passes(HOUR).runs_due_tasks().stories()
    assert (story.instance.created_by, story.job_at("a").created_by) == ("engine", "engine")


def test_the_instance_lives_in_the_partition_of_the_task() -> None:
    (story,) = started_by("PT1H").passes(timedelta(days=3)).runs_due_tasks().stories()
    assert story.identity.partition == MORNING.date()


def test_a_new_version_stops_the_time_of_the_older_one() -> None:
    stage = started_by("@hourly").deploys(bpmn("s:startEvent a:serviceTask", "s>a"), version="2")
    (due,) = stage.passes(HOUR).due_tasks()
    answer = stage.runs(*due)
    assert (answer.state.name, answer.process_instance_id) == ("DONE", 0)
    assert stage.stories() == []
    assert list(stage.log.outside_tasks()) == []


def test_only_the_new_version_goes_on_with_its_time() -> None:
    stage = started_by("@hourly").deploys(bpmn("s:timerStart~@hourly b:serviceTask", "s>b"), version="2")
    (story,) = stage.passes(HOUR).runs_due_tasks().stories()
    assert story.waits_at("b").instance.version == "2"


def test_deploying_the_same_version_again_sets_no_second_time() -> None:
    xml = bpmn("s:timerStart~PT1H a:serviceTask", "s>a")
    stage = Stage().deploys(xml).deploys(xml)
    assert len(stage.passes(HOUR).runs_due_tasks().stories()) == 1


def test_the_deployment_says_the_timer_and_there_has_to_be_one() -> None:
    with pytest.raises(InvalidInput) as raised:
        Stage().deploys(UNKNOWN)
    assert [cause.detail for cause in raised.value.causes] == ["no timer defined for BPMN element s"]
    stage = Stage().deploys(UNKNOWN, timers=(TimerDefinition("s", Timer(time_duration="PT1H")),))
    assert len(stage.passes(HOUR).runs_due_tasks().stories()) == 1


def test_an_instance_that_finds_no_place_waits_in_the_queue() -> None:
    stage = Stage().deploys(bpmn("s:timerStart~@hourly a:serviceTask", "s>a"), parallelism=1)
    first, second = stage.passes(2 * HOUR).runs_due_tasks().stories()
    assert (first.instance.state.name, second.instance.state.name) == ("STARTED", "QUEUED")
    first.completes("a").runs_all_tasks()
    second.waits_at("a")


def within(timer: str) -> Story:
    return Story(
        bpmn(
            f"s:startEvent a:serviceTask esp:eventSubProcess t:timerStart{timer}@esp b:serviceTask@esp",
            "s>a t>b",
        )
    )


def test_an_interrupting_event_sub_process_ends_the_rest_of_its_scope_when_its_time_has_come() -> None:
    story = within("~PT1H").waits_at("a").is_armed_with("esp")
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("b").is_armed_with().completes("b").has_ended()
    assert story.ends_of("a") == ["TERMINATED"]


def test_an_event_sub_process_that_does_not_interrupt_begins_again_and_again() -> None:
    story = within("+~PT1H")
    for times in (1, 2):
        story.stage.passes(HOUR)
        story.runs_all_tasks().waits_at("a", *["b"] * times).is_armed_with("esp")
    story.completes("a").completes("b").completes("b").has_ended()


def test_an_event_sub_process_that_does_not_interrupt_begins_once_at_an_absolute_time() -> None:
    story = within("+~2026-11-20T10:00:00Z")
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("a", "b").is_armed_with()
    story.completes("a").completes("b").has_ended()


def test_an_event_sub_process_begins_no_instance_of_its_process() -> None:
    stage = Stage().deploys(bpmn("s:startEvent e:eventSubProcess t:timerStart~PT1S@e b:task@e", "t>b"))
    assert list(stage.log.outside_tasks()) == []
