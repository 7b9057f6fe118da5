"""Timer boundary event: a time ends an activity, or comes beside it (contracts/engine.md 2.4, 2.11)."""

from datetime import timedelta

import pytest

from commands.intents import Timer
from commands.processes import TimerDefinition
from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from domain.rejection import InvalidInput
from tests.story import MORNING, Stage, Story, bpmn

HOUR = timedelta(hours=1)


def attached(how: str, timer: str = "") -> str:
    definition = f"~{timer}" if timer else ""
    return bpmn(
        f"s:startEvent a:serviceTask b:timerBoundary{how}a{definition} e:endEvent late:serviceTask", "s>a a>e b>late"
    )


def test_an_interrupting_one_ends_the_activity_when_its_time_has_come() -> None:
    story = Story(attached("^", "PT1H")).waits_at("a").is_armed_with("b")
    story.runs_all_tasks().waits_at("a")
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("late")
    assert (story.ends_of("a"), story.ends_of("b")) == (["TERMINATED"], ["COMPLETED"])
    story.completes("late").has_ended()


def test_the_time_of_an_activity_that_has_completed_comes_to_nothing() -> None:
    story = Story(attached("^", "PT1H")).completes("a").has_ended()
    story.stage.passes(HOUR)
    story.runs_all_tasks()
    assert story.names()[-1] == "TaskCanceled"
    assert story.ends_of("late") == []


def test_one_that_does_not_interrupt_counts_anew_from_each_time_that_it_happens() -> None:
    story = Story(attached("+", "PT1H"))
    for times in (1, 2, 3):
        story.stage.passes(2 * HOUR)
        story.runs_all_tasks().waits_at("a", *["late"] * times).is_armed_with("b")
        assert story.task_at("b").due_at == story.stage.clock.time + HOUR
    story.completes("a")
    assert story.ends_of("b") == ["COMPLETED"] * 3 + ["TERMINATED"]


def test_a_cycle_that_was_missed_is_not_caught_up_beside_an_activity() -> None:
    story = Story(attached("+", "@hourly"))
    story.stage.passes(5 * HOUR)
    story.runs_all_tasks().waits_at("a", "late")
    assert story.task_at("b").due_at == MORNING + 6 * HOUR


def test_the_last_time_of_a_cycle_comes_too() -> None:
    noon = TimerDefinition("b", Timer(time_cycle="0 12 20 11 * 2026"))
    story = Story(attached("+"), timers=(noon,))
    story.stage.passes(5 * HOUR)
    story.runs_all_tasks().waits_at("a", "late").is_armed_with()


@pytest.mark.parametrize("time", ["2026-11-20T10:00:00Z", "2001-01-01T00:00:00Z"])
def test_an_absolute_time_comes_once_though_it_does_not_interrupt(time: str) -> None:
    story = Story(attached("+", time))
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("a", "late").is_armed_with()
    assert story.instance.tasks == {}
    story.completes("a").completes("late").has_ended()


def test_a_worker_says_the_timer_before_the_activity_begins() -> None:
    story = Story(attached("^"))
    assert (story.state_of("a"), story.job_at("b").type) == (InstanceState.CREATED, JobType.SET_TIMER)
    with pytest.raises(ExecutionError, match=r"^expected a timer$"):
        story.completes("b")
    story.resolves().completes("b", timer=Timer(time_duration="PT1S"))
    assert story.state_of("a") is InstanceState.STARTED
    story.runs_task_at("b").waits_at("late")


def test_a_timer_that_would_come_again_at_once_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput, match="invalid or missing event definitions"):
        Stage().deploys(attached("+"), timers=(TimerDefinition("b", Timer(time_duration="P0D")),))
    with pytest.raises(ExecutionError, match=r"^failed to evaluate timer: it would be due again at once$"):
        Story(attached("+")).completes("b", timer=Timer(time_duration="PT0S"))
    Story(attached("^")).completes("b", timer=Timer(time_duration="PT0S")).runs_task_at("b").waits_at("late")


def test_its_time_may_come_before_the_activity_begins() -> None:
    story = Story(
        bpmn("s:startEvent a:serviceTask b:timerBoundary^a~PT1H c:messageBoundary^a late:endEvent", "s>a b>late")
    )
    assert story.state_of("a") is InstanceState.CREATED
    story.stage.passes(HOUR)
    story.runs_all_tasks().has_ended()
    assert (story.ends_of("a"), story.ends_of("c")) == (["TERMINATED"], ["TERMINATED"])


def test_it_ends_all_that_lives_in_a_sub_process() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess i:startEvent@sub f:parallelGateway@sub a:serviceTask@sub u:userTask@sub"
            " b:timerBoundary^sub~PT1H late:serviceTask",
            "s>sub i>f f>a f>u b>late",
        )
    )
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("late")
    assert story.instance.user_tasks == {}


def test_the_message_and_the_time_at_one_activity_happen_in_the_order_in_which_they_come() -> None:
    story = Story(
        bpmn(
            "s:startEvent a:serviceTask m:messageBoundary^a~x t:timerBoundary^a~PT1H one:serviceTask two:serviceTask",
            "s>a m>one t>two",
        )
    )
    story.completes("m", message_correlation_key="1")
    story.stage.sends_message("x", "1")
    story.runs_all_tasks().waits_at("one")
    story.stage.passes(HOUR)
    story.runs_all_tasks().waits_at("one")
    assert story.ends_of("t") == ["TERMINATED"]
