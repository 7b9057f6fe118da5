"""Receive task: an activity that waits for a message, and may have events attached to it (BPMN 2.0, 10.3.3)."""

import pytest

from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn

PLAIN = bpmn("s:startEvent r:receiveTask~paid e:endEvent", "s>r r>e")


def test_it_waits_for_its_message_once_a_worker_has_said_the_correlation_key() -> None:
    story = Story(PLAIN)
    assert story.job_at("r").type is JobType.SET_MESSAGE_CORRELATION_KEY
    story.completes("r", message_correlation_key="42")
    assert story.state_of("r") is InstanceState.STARTED
    assert story.stage.sends_message("paid", "42").correlated
    story.waits_at("r").runs_task_at("r").has_ended()


def test_without_a_message_in_the_model_a_worker_says_its_name_too() -> None:
    story = Story(bpmn("s:startEvent r:receiveTask e:endEvent", "s>r r>e"))
    assert story.job_at("r").type is JobType.SUBSCRIBE_MESSAGE
    with pytest.raises(ExecutionError, match=r"^expected a message name and correlation key$"):
        story.completes("r", message_correlation_key="42")
    story = Story(bpmn("s:startEvent r:receiveTask e:endEvent", "s>r r>e"))
    story.completes("r", message_name="paid", message_correlation_key="42")
    story.stage.sends_message("paid", "42")
    story.runs_task_at("r").has_ended()


def test_a_message_that_was_sent_before_is_received_at_once() -> None:
    stage = Stage().deploys(PLAIN)
    stage.sends_message("paid", "42")
    stage.starts().completes("r", message_correlation_key="42").runs_task_at("r").has_ended()


def test_a_timer_at_its_boundary_ends_the_waiting() -> None:
    story = Story(bpmn("s:startEvent r:receiveTask~paid t:timerBoundary^r~PT1S e:endEvent", "s>r r>e t>e"))
    story.completes("r", message_correlation_key="42").runs_task_at("t").has_ended()
    assert story.ends_of("r") == ["TERMINATED"]
    assert not story.stage.sends_message("paid", "42").correlated


def test_it_asks_for_its_message_only_when_its_boundary_events_are_known() -> None:
    story = Story(bpmn("s:startEvent r:receiveTask~paid b:signalBoundary^r e:endEvent", "s>r r>e b>e"))
    assert [job.element for job in story.instance.jobs.values()] == ["b"]
    story.completes("b", signal_name="stop").completes("r", message_correlation_key="42")
    story.stage.sends_message("paid", "42")
    story.runs_task_at("r").has_ended()
    assert story.ends_of("b") == ["TERMINATED"]
