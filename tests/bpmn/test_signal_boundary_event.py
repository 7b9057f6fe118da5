"""Signal boundary event: a signal ends an activity, or happens beside it (contracts/engine.md 2.4, 2.10)."""

import pytest

from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from tests.story import Story, bpmn

INTERRUPTING = bpmn(
    "s:startEvent a:serviceTask b:signalBoundary^a~stop done:endEvent stopped:endEvent", "s>a a>done b>stopped"
)
BESIDE = bpmn("s:startEvent a:serviceTask b:signalBoundary+a~news e:endEvent told:serviceTask", "s>a a>e b>told")


def test_one_whose_name_is_known_is_armed_at_once_and_keeps_the_activity_from_nothing() -> None:
    story = Story(INTERRUPTING).waits_at("a").is_armed_with("b")
    assert (story.state_of("a"), story.state_of("b")) == (InstanceState.STARTED, InstanceState.CREATED)
    assert [job.type for job in story.instance.jobs.values()] == [JobType.EXECUTE]


def test_one_without_a_name_keeps_the_activity_created_until_a_worker_says_it() -> None:
    story = Story(bpmn("s:startEvent a:serviceTask b:signalBoundary^a", "s>a"))
    assert (story.state_of("a"), story.job_at("b").type) == (InstanceState.CREATED, JobType.SUBSCRIBE_SIGNAL)
    with pytest.raises(ExecutionError, match=r"^expected a signal name$"):
        story.completes("b")
    story.resolves().completes("b", signal_name="stop")
    assert story.state_of("a") is InstanceState.STARTED


def test_one_that_is_known_is_live_while_another_still_keeps_the_activity_from_beginning() -> None:
    story = Story(
        bpmn(
            "s:startEvent a:serviceTask b:signalBoundary^a~stop c:messageBoundary^a~x stopped:endEvent", "s>a b>stopped"
        )
    )
    assert story.state_of("a") is InstanceState.CREATED
    assert story.stage.sends_signal("stop").subscriber_count == 1
    story.runs_all_tasks().has_ended()
    assert (story.ends_of("a"), story.ends_of("c")) == (["TERMINATED"], ["TERMINATED"])


def test_an_interrupting_one_ends_the_activity() -> None:
    story = Story(INTERRUPTING)
    assert story.stage.sends_signal("stop").subscriber_count == 1
    story.runs_task_at("b").has_ended()
    assert (story.ends_of("a"), story.ends_of("b"), story.ends_of("stopped")) == (
        ["TERMINATED"],
        ["COMPLETED"],
        ["COMPLETED"],
    )


def test_one_that_does_not_interrupt_waits_again_only_when_its_task_has_run() -> None:
    story = Story(BESIDE)
    assert [story.stage.sends_signal("news").subscriber_count for _ in range(2)] == [1, 0]
    story.runs_all_tasks().waits_at("a", "told").is_armed_with("b")
    assert story.stage.sends_signal("news").subscriber_count == 1
    story.runs_all_tasks().waits_at("a", "told", "told")


@pytest.mark.parametrize("xml", [INTERRUPTING, BESIDE])
def test_an_activity_that_completes_leaves_no_subscription_that_a_signal_would_count(xml: str) -> None:
    story = Story(xml).completes("a").has_ended()
    assert story.ends_of("b") == ["TERMINATED"]
    assert story.stage.sends_signal("stop").subscriber_count == 0
    assert story.stage.sends_signal("news").subscriber_count == 0


def test_a_sub_process_that_completes_leaves_no_subscription_either() -> None:
    story = Story(
        bpmn("s:startEvent sub:subProcess i:startEvent@sub a:serviceTask@sub b:signalBoundary^sub~x", "s>sub i>a")
    )
    story.completes("a").has_ended()
    assert story.stage.sends_signal("x").subscriber_count == 0


def test_a_signal_that_finds_the_activity_completed_meanwhile_changes_nothing() -> None:
    story = Story(INTERRUPTING)
    story.stage.sends_signal("stop")
    story.completes("a").has_ended().runs_all_tasks()
    assert story.ends_of("stopped") == []
