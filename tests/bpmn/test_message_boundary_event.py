"""Message boundary event: a message ends an activity, or happens beside it (contracts/engine.md 2.4, 2.9)."""

import pytest

from commands.intents import Timer
from domain.bpmn.events import ElementEntered, ElementPassed, InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn

INTERRUPTING = bpmn(
    "s:startEvent a:serviceTask b:messageBoundary^a~stop done:endEvent stopped:endEvent", "s>a a>done b>stopped"
)
BESIDE = bpmn("s:startEvent a:serviceTask b:messageBoundary+a~news done:endEvent told:serviceTask", "s>a a>done b>told")


def test_the_activity_is_created_and_has_no_job_until_the_correlation_key_is_known() -> None:
    story = Story(INTERRUPTING)
    assert [job.type for job in story.instance.jobs.values()] == [JobType.SET_MESSAGE_CORRELATION_KEY]
    assert (story.state_of("a"), story.state_of("b")) == (InstanceState.CREATED, InstanceState.CREATED)
    story.completes("b", message_correlation_key="42").is_armed_with("b")
    assert (story.state_of("a"), story.state_of("b")) == (InstanceState.STARTED, InstanceState.CREATED)
    assert [job.type for job in story.instance.jobs.values()] == [JobType.EXECUTE]


def test_ids_follow_the_order_of_creation_scope_start_activity_and_its_boundary_events() -> None:
    story = Story(
        bpmn("s:startEvent a:serviceTask b:messageBoundary^a~x c:timerBoundary^a~PT1H e:endEvent", "s>a a>e b>e c>e")
    )
    entered = [fact for fact in story.facts if isinstance(fact, ElementEntered | ElementPassed)]
    assert [(fact.id, fact.element) for fact in entered] == [(1, "p"), (2, "s"), (3, "a"), (4, "b"), (5, "c")]


def test_each_boundary_event_that_is_not_known_keeps_the_activity_waiting() -> None:
    story = Story(bpmn("s:startEvent a:serviceTask b:messageBoundary^a c:signalBoundary^a d:timerBoundary^a", "s>a"))
    asked = {job.element: job.type for job in story.instance.jobs.values()}
    assert asked == {"b": JobType.SUBSCRIBE_MESSAGE, "c": JobType.SUBSCRIBE_SIGNAL, "d": JobType.SET_TIMER}
    story.completes("c", signal_name="x").completes("b", message_name="y", message_correlation_key="1")
    assert story.state_of("a") is InstanceState.CREATED
    with pytest.raises(ExecutionError, match=r"^expected a timer$"):
        story.completes("d")
    story.resolves().completes("d", timer=Timer(time_duration="PT1H"))
    assert story.state_of("a") is InstanceState.STARTED


def test_an_interrupting_one_ends_the_activity() -> None:
    story = Story(INTERRUPTING).completes("b", message_correlation_key="42")
    assert story.stage.sends_message("stop", "42").correlated
    story.runs_task_at("b").has_ended()
    assert (story.ends_of("a"), story.ends_of("b"), story.ends_of("stopped")) == (
        ["TERMINATED"],
        ["COMPLETED"],
        ["COMPLETED"],
    )


def test_the_job_of_an_activity_that_was_ended_comes_to_nothing() -> None:
    story = Story(INTERRUPTING).completes("b", message_correlation_key="42")
    story.stage.sends_message("stop", "42")
    story.runs_task_at("b").completes("a").has_ended()
    assert "JobCanceled" in story.names()


def test_an_activity_that_completes_leaves_no_subscription_that_would_swallow_a_message() -> None:
    story = Story(INTERRUPTING).completes("b", message_correlation_key="42").completes("a").has_ended()
    assert story.ends_of("b") == ["TERMINATED"]
    assert not story.stage.log.message_subscriptions
    assert not story.stage.sends_message("stop", "42").correlated


def test_a_sub_process_that_completes_leaves_no_subscription_either() -> None:
    story = Story(
        bpmn("s:startEvent sub:subProcess i:startEvent@sub a:serviceTask@sub b:messageBoundary^sub~x", "s>sub i>a")
    )
    story.completes("b", message_correlation_key="42").completes("a").has_ended()
    assert not story.stage.sends_message("x", "42").correlated


def test_an_interrupting_one_ends_all_that_lives_in_a_sub_process() -> None:
    story = Story(
        bpmn(
            "s:startEvent sub:subProcess i:startEvent@sub f:parallelGateway@sub a:serviceTask@sub c:messageCatch~y@sub"
            " b:messageBoundary^sub~x after:serviceTask",
            "s>sub i>f f>a f>c b>after",
        )
    )
    story.completes("b", message_correlation_key="1").completes("c", message_correlation_key="2")
    story.stage.sends_message("x", "1")
    story.runs_task_at("b").waits_at("after")
    assert not story.stage.log.message_subscriptions


def test_one_that_does_not_interrupt_waits_again_for_the_same_key_after_each_message() -> None:
    story = Story(BESIDE).completes("b", message_correlation_key="42")
    first = story.at("b").id
    for times in (1, 2, 3):
        assert story.stage.sends_message("news", "42").correlated
        story.runs_task_at("b").waits_at("a", *["told"] * times).is_armed_with("b")
    assert story.at("b").id > first
    assert story.ends_of("b") == ["COMPLETED"] * 3
    story.completes("a")
    assert not story.stage.log.message_subscriptions


def test_one_that_does_not_interrupt_takes_the_next_message_that_is_kept_at_once() -> None:
    story = Story(BESIDE).completes("b", message_correlation_key="42")
    sent = [story.stage.sends_message("news", "42") for _ in range(3)]
    assert [message.correlated for message in sent] == [True, False, False]
    story.runs_all_tasks().waits_at("a", "told", "told", "told")
    assert story.stage.log.correlations == {message.id: 1 for message in sent}
    story.is_armed_with("b")


def test_a_message_that_was_kept_interrupts_an_activity_before_it_has_begun() -> None:
    stage = Stage().deploys(INTERRUPTING)
    stage.sends_message("stop", "42")
    story = stage.starts().completes("b", message_correlation_key="42")
    assert not [job for job in story.instance.jobs.values() if job.element == "a"]
    story.runs_task_at("b").has_ended()
    assert story.ends_of("a") == ["TERMINATED"]


def test_a_message_that_was_kept_lets_an_activity_begin_that_it_does_not_interrupt() -> None:
    stage = Stage().deploys(BESIDE)
    stage.sends_message("news", "42")
    story = stage.starts().completes("b", message_correlation_key="42").waits_at("a")
    assert story.job_at("a").type is JobType.EXECUTE
    story.runs_task_at("b").waits_at("a", "told").is_armed_with("b")


def test_an_activity_whose_last_boundary_event_becomes_known_under_suspension_begins_with_the_resume() -> None:
    story = Story(INTERRUPTING).is_suspended().completes("b", message_correlation_key="42")
    assert story.state_of("a") is InstanceState.SUSPENDED
    story.is_resumed().completes("a").has_ended()
