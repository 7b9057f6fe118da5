"""Signal start event: a signal begins an instance, or an event sub-process (contracts/engine.md 2.2, 2.10)."""

import pytest

from commands.intents import ProcessVariable
from domain.bpmn.events import TaskType
from domain.rejection import InvalidInput
from tests.story import Stage, Story, bpmn, text

OPEN = bpmn("s:signalStart~open a:serviceTask", "s>a")


def test_the_signal_starts_an_instance_by_a_task_that_the_sender_created() -> None:
    stage = Stage().deploys(OPEN)
    assert stage.sends_signal("open").subscriber_count == 1
    ((stream, task),) = stage.due_tasks()
    assert (task.type, task.element, task.created_by) == (TaskType.TRIGGER_EVENT, "s", "sender")
    answer = stage.runs(stream, task)
    (story,) = stage.stories()
    assert answer.process_instance_id == story.identity.id
    assert story.waits_at("a").instance.created_by == "sender"


def test_all_start_events_and_all_that_wait_are_its_subscribers() -> None:
    other = bpmn("s:signalStart~open b:serviceTask", "s>b", "q")
    waiting = bpmn("s:startEvent c:signalCatch~open", "s>c", "w")
    stage = Stage().deploys(OPEN).deploys(other, "q").deploys(waiting, "w")
    story = stage.starts("w")
    assert stage.sends_signal("open").subscriber_count == 3
    stage.runs_due_tasks()
    story.has_ended()
    assert (len(stage.stories()), len(stage.stories("q"))) == (1, 1)


def test_each_signal_starts_one_more() -> None:
    stage = Stage().deploys(OPEN)
    for _ in range(3):
        assert stage.sends_signal("open").subscriber_count == 1
    assert len(stage.runs_due_tasks().stories()) == 3


def test_only_the_latest_version_is_started() -> None:
    stage = Stage().deploys(OPEN).deploys(OPEN, version="2")
    assert stage.sends_signal("open").subscriber_count == 1
    (story,) = stage.runs_due_tasks().stories()
    assert story.instance.version == "2"
    stage.deploys(bpmn("s:startEvent a:serviceTask", "s>a"), version="3")
    assert stage.sends_signal("open").subscriber_count == 0


def test_variables_of_the_signal_are_those_of_the_instance_and_what_deletes_one_is_ignored() -> None:
    stage = Stage().deploys(OPEN)
    stage.sends_signal("open", variables=(ProcessVariable("n", text("1")), ProcessVariable("gone")))
    (story,) = stage.runs_due_tasks().stories()
    assert story.values() == {"n": "1"}


def test_a_name_is_unique_among_the_start_events_of_a_process() -> None:
    with pytest.raises(InvalidInput) as raised:
        Stage().deploys(bpmn("s:signalStart~open t:signalStart~open a:task", "s>a t>a"))
    assert [cause.detail for cause in raised.value.causes] == ["start signal name open must be unique"]


ALARM = bpmn(
    "s:startEvent a:serviceTask esp:eventSubProcess n:signalStart~alarm@esp b:serviceTask@esp e:endEvent",
    "s>a a>e n>b",
)
ALARM_BESIDE = ALARM.replace('<startEvent id="n">', '<startEvent id="n" isInterrupting="false">')


def test_an_interrupting_event_sub_process_ends_the_rest_of_its_scope() -> None:
    story = Story(ALARM).waits_at("a").is_armed_with("esp")
    assert story.stage.sends_signal("alarm").subscriber_count == 1
    story.runs_all_tasks().waits_at("b").is_armed_with().completes("b").has_ended()
    assert story.ends_of("a") == ["TERMINATED"]
    assert story.stage.sends_signal("alarm").subscriber_count == 0


def test_an_event_sub_process_that_does_not_interrupt_runs_beside_and_again() -> None:
    story = Story(ALARM_BESIDE)
    for times in (1, 2):
        assert story.stage.sends_signal("alarm").subscriber_count == 1
        story.runs_all_tasks().waits_at("a", *["b"] * times).is_armed_with("esp")
    story.completes("a").completes("b").completes("b").has_ended()
    assert story.stage.sends_signal("alarm").subscriber_count == 0


def test_an_event_sub_process_of_a_sub_process_waits_only_while_that_lasts() -> None:
    story = Story(
        bpmn(
            "s:startEvent first:serviceTask sub:subProcess i:startEvent@sub a:serviceTask@sub esp:eventSubProcess@sub"
            " n:signalStart~alarm@esp b:serviceTask@esp after:serviceTask",
            "s>first first>sub i>a n>b sub>after",
        )
    )
    assert story.stage.sends_signal("alarm").subscriber_count == 0
    story.completes("first")
    assert story.stage.sends_signal("alarm").subscriber_count == 1
    story.runs_all_tasks().waits_at("b").completes("b").waits_at("after")
    assert story.stage.sends_signal("alarm").subscriber_count == 0
