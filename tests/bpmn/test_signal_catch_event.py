"""Signal catch event: a token waits for a signal that all who wait for it receive (contracts/engine.md 2.5, 2.10)."""

import pytest

from commands.intents import ProcessVariable
from domain.bpmn.events import InstanceState, JobType, VariableSet
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn, text

KNOWN = bpmn("s:startEvent c:signalCatch~go e:endEvent", "s>c c>e")
UNKNOWN = bpmn("s:startEvent c:signalCatch e:endEvent", "s>c c>e")


def test_it_waits_from_the_start_when_the_name_is_known() -> None:
    story = Story(KNOWN).waits_at("c")
    assert (story.state_of("c"), story.instance.jobs) == (InstanceState.STARTED, {})
    assert story.stage.sends_signal("go").subscriber_count == 1
    story.runs_task_at("c").has_ended()


def test_it_is_created_until_a_worker_says_the_name() -> None:
    story = Story(UNKNOWN)
    assert (story.state_of("c"), story.job_at("c").type) == (InstanceState.CREATED, JobType.SUBSCRIBE_SIGNAL)
    assert story.stage.sends_signal("go").subscriber_count == 0
    story.completes("c", signal_name="go")
    assert story.state_of("c") is InstanceState.STARTED
    assert story.stage.sends_signal("go").subscriber_count == 1
    story.runs_task_at("c").has_ended()


def test_a_worker_that_does_not_say_the_name_gets_an_error_of_the_job() -> None:
    with pytest.raises(ExecutionError) as raised:
        Story(UNKNOWN).completes("c", message_name="go")
    assert str(raised.value) == "expected a signal name"


def test_the_signal_triggers_it_by_a_task_that_the_sender_created() -> None:
    story = Story(KNOWN)
    signal = story.stage.sends_signal("go")
    task = story.task_at("c")
    assert (task.created_by, task.created_at, task.due_at) == ("sender", signal.created_at, signal.created_at)
    assert not story.stage.log.signal_subscriptions
    story.waits_at("c").runs_task_at("c").has_ended()


def test_all_that_wait_receive_it_and_nobody_else() -> None:
    stage = Stage().deploys(KNOWN)
    waiting = [stage.starts() for _ in range(3)]
    assert stage.sends_signal("other").subscriber_count == 0
    assert stage.sends_signal("go").subscriber_count == 3
    late = stage.starts()
    stage.runs_due_tasks()
    for story in waiting:
        story.has_ended()
    late.waits_at("c")


def test_a_signal_is_not_kept_for_those_who_come_later() -> None:
    stage = Stage().deploys(KNOWN)
    assert stage.sends_signal("go").subscriber_count == 0
    stage.starts().runs_all_tasks().waits_at("c")


def test_a_second_signal_before_the_task_has_run_finds_nobody_waiting() -> None:
    story = Story(KNOWN)
    assert [story.stage.sends_signal("go").subscriber_count for _ in range(2)] == [1, 0]
    story.runs_all_tasks().has_ended()


def test_variables_of_the_signal_are_set_in_every_instance_and_those_without_data_deleted() -> None:
    stage = Stage().deploys(KNOWN)
    known = (ProcessVariable("n", text("1")), ProcessVariable("gone", text("x")))
    stories = [stage.starts(variables=known) for _ in range(2)]
    stage.sends_signal("go", variables=(ProcessVariable("n", text("2")), ProcessVariable("gone")))
    stage.runs_due_tasks()
    for story in stories:
        assert story.values() == {"n": "2"}
        numbers = {fact.id for fact in story.facts if isinstance(fact, VariableSet) and fact.name == "n"}
        assert len(numbers) == 1


def test_an_instance_that_ends_waits_for_no_signal_any_more() -> None:
    story = Story(KNOWN).is_canceled()
    assert story.stage.sends_signal("go").subscriber_count == 0


def test_what_the_signal_triggers_its_sender_has_caused() -> None:
    story = Story(bpmn("s:startEvent c:signalCatch~go a:serviceTask", "s>c c>a"))
    story.stage.sends_signal("go")
    assert story.runs_task_at("c").job_at("a").created_by == "sender"
