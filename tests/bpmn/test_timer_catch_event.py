"""Timer catch event: a token waits for a time (contracts/engine.md 1.5, 2.5, 2.11)."""

from datetime import timedelta

import pytest

from commands.intents import Timer
from commands.processes import TimerDefinition
from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from domain.rejection import InvalidInput
from tests.story import MORNING, Stage, Story, bpmn

UNKNOWN = bpmn("s:startEvent c:timerCatch e:endEvent", "s>c c>e")
TOMORROW = MORNING + timedelta(days=1)


def waiting_for(timer: str) -> Story:
    return Story(bpmn(f"s:startEvent c:timerCatch~{timer} e:endEvent", "s>c c>e"))


def test_it_is_started_with_a_task_that_is_due_when_the_time_has_come() -> None:
    story = waiting_for("PT1H").waits_at("c")
    assert (story.state_of("c"), story.instance.jobs) == (InstanceState.STARTED, {})
    entered = story.instance.created_at
    assert story.task_at("c").due_at == entered + timedelta(hours=1)
    story.stage.passes(timedelta(minutes=59))
    story.runs_all_tasks().waits_at("c")
    story.stage.passes(timedelta(minutes=1))
    story.runs_all_tasks().has_ended()


@pytest.mark.parametrize(
    ("timer", "due"),
    [
        ("2026-11-21T09:00:00Z", TOMORROW),
        ("2026-11-21T10:00:00+01:00", TOMORROW),
        ("@daily", MORNING.replace(hour=0) + timedelta(days=1)),
        ("@hourly", MORNING + timedelta(hours=1)),
        ("P1M", MORNING.replace(month=12) + timedelta(seconds=2)),
    ],
)
def test_it_waits_for_a_time_a_cycle_or_a_duration_of_the_model(timer: str, due: object) -> None:
    assert waiting_for(timer).task_at("c").due_at == due


def test_a_time_in_the_past_is_due_at_once() -> None:
    story = waiting_for("2001-01-01T00:00:00Z")
    assert story.task_at("c").due_at.year == 2001
    story.runs_task_at("c").has_ended()


def test_a_cycle_happens_once() -> None:
    story = waiting_for("@hourly")
    story.stage.passes(timedelta(hours=5))
    story.runs_all_tasks().has_ended()
    assert story.ends_of("c") == ["COMPLETED"]


def test_the_deployment_wins_over_the_model() -> None:
    given = (TimerDefinition("c", Timer(time=TOMORROW)),)
    story = Story(bpmn("s:startEvent c:timerCatch~PT1H e:endEvent", "s>c c>e"), timers=given)
    assert story.task_at("c").due_at == TOMORROW


def test_of_time_cycle_and_duration_the_first_counts() -> None:
    said = Timer(time=TOMORROW, time_cycle="@hourly", time_duration="PT1S")
    assert Story(UNKNOWN).completes("c", timer=said).task_at("c").due_at == TOMORROW
    said = Timer(time_cycle="@hourly", time_duration="PT1S")
    assert Story(UNKNOWN).completes("c", timer=said).task_at("c").due_at == MORNING + timedelta(hours=1)


def test_a_worker_says_the_timer_where_neither_deployment_nor_model_does() -> None:
    story = Story(UNKNOWN)
    assert (story.state_of("c"), story.job_at("c").type) == (InstanceState.CREATED, JobType.SET_TIMER)
    story.completes("c", timer=Timer(time_duration="PT1S"))
    assert story.state_of("c") is InstanceState.STARTED
    story.stage.passes(timedelta(seconds=1))
    story.runs_task_at("c").has_ended()


@pytest.mark.parametrize(
    ("timer", "error"),
    [
        (None, "expected a timer"),
        (Timer(), "failed to evaluate timer: must specify a time, time cycle or time duration"),
        (Timer(time_cycle="0 0 30 2 *"), "failed to evaluate timer: the cron expression is never due"),
    ],
)
def test_a_timer_that_is_not_said_or_never_due_is_an_error_of_the_job(timer: Timer | None, error: str) -> None:
    story = Story(UNKNOWN)
    with pytest.raises(ExecutionError) as raised:
        story.completes("c", timer=timer)
    assert str(raised.value) == error
    assert (story.state_of("c"), story.instance.tasks) == (InstanceState.CREATED, {})


def test_a_timer_of_the_model_that_is_never_due_is_refused() -> None:
    with pytest.raises(InvalidInput, match="invalid or missing event definitions"):
        Stage().deploys(UNKNOWN, timers=(TimerDefinition("c", Timer(time_cycle="0 0 30 2 *")),))


def test_under_suspension_the_time_comes_and_the_token_halts_behind_it() -> None:
    story = waiting_for("PT1S").is_suspended().runs_task_at("c").waits_at("e")
    assert story.state_of("e") is InstanceState.SUSPENDED
    story.is_resumed().has_ended()


def test_what_the_time_triggers_the_engine_has_caused() -> None:
    story = Story(bpmn("s:startEvent c:timerCatch~PT1S a:serviceTask", "s>c c>a")).runs_task_at("c")
    assert story.job_at("a").created_by == "engine"


def test_the_time_of_an_instance_that_was_canceled_does_not_come() -> None:
    story = waiting_for("PT1S").is_canceled()
    story.stage.passes(timedelta(hours=1))
    assert story.stage.due_tasks() == []
