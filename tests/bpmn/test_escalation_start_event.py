"""Escalation start event: an event sub-process takes an escalation of the scope around it (BPMN 2.0, 13.5.4)."""

import pytest

from commands.jobs import JobCompletion
from domain.bpmn.events import InstanceState, JobType, WorkState
from tests.bpmn.drawing import ANY, boundary, event, event_sub, fates, line, process, sub
from tests.story import Story

CAUGHT = line("own_start>caught:serviceTask>own_end:endEvent")
WORK = line("s:startEvent>work:serviceTask>e:endEvent s>other:userTask")
HANDLED = line("b>handled:serviceTask")
BOTH = pytest.mark.parametrize("interrupting", [True, False])


def own(of: str = "X", *, interrupting: bool) -> str:
    return event_sub("own", "escalation", of, CAUGHT, interrupting=interrupting)


def test_one_that_interrupts_ends_everything_else_in_its_scope() -> None:
    story = Story(process(WORK, own(interrupting=True))).is_armed_with("own").completes("work", escalation_code="X")
    story.waits_at("caught").is_armed_with()
    assert [fates(story, name) for name in ("work", "other", "own")] == [["TERMINATED"], ["TERMINATED"], ["STARTED"]]
    story.completes("caught").has_ended()


def test_one_that_does_not_runs_beside_the_rest_each_time() -> None:
    story = Story(process(WORK, own(interrupting=False))).completes("work", escalation_code="X")
    story.waits_at("work", "other", "caught").is_armed_with("own").completes("work", escalation_code="X")
    story.waits_at("work", "other", "caught", "caught").is_armed_with("own")
    assert fates(story, "own") == ["STARTED", "STARTED", "CREATED"]
    story.completes("work").updates("other", completed=True)
    story.waits_at("caught", "caught").is_armed_with("own").completes("caught").completes("caught").has_ended()
    assert fates(story, "own") == ["COMPLETED", "COMPLETED", "TERMINATED"]


def test_the_job_that_escalated_is_asked_for_again_with_the_delay_of_its_report() -> None:
    story = Story(process(WORK, own(interrupting=False)))
    answer = story.reports("work", completion=JobCompletion(escalation_code="X"), retry_timer="PT1M")
    assert answer.state is WorkState.DONE
    again = story.job_at("work")
    assert (again.due_at - again.created_at).total_seconds() == 60


@BOTH
def test_a_user_task_may_escalate_to_it(*, interrupting: bool) -> None:
    story = Story(process(WORK, own(interrupting=interrupting)))
    answer = story.updates("other", escalation_code="X")
    assert (answer.state, answer.user_task.revision) == (
        InstanceState.TERMINATED if interrupting else InstanceState.STARTED,
        2,
    )
    story.waits_at(*(["caught"] if interrupting else ["caught", "work", "other"]))


def test_a_throw_event_reaches_those_that_do_not_interrupt_and_an_end_event_the_others() -> None:
    one = event_sub("one", "escalation", ANY, line("one_start>told:serviceTask"), interrupting=False)
    two = event_sub("two", "escalation", ANY, line("two_start>ended:serviceTask"))
    thrown = event("intermediateThrowEvent", "t", "escalation", "X"), event("endEvent", "x", "escalation", "X")
    model = process(line("s:startEvent>t>work:serviceTask>x"), *thrown, one, two)
    story = Story(model).runs_task_at("t").waits_at("work", "told").is_armed_with("one", "two")
    story.completes("work").runs_task_at("x").waits_at("ended").is_armed_with()
    assert (fates(story, "one"), fates(story, "told")) == (["TERMINATED", "TERMINATED"], ["TERMINATED"])


def test_it_comes_before_the_event_at_the_border_of_its_scope() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own(ANY, interrupting=False))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "escalation", "X")))
    story.completes("work", escalation_code="X").waits_at("work", "caught").is_armed_with("own", "b")
    story.completes("caught", escalation_code="X").waits_at("handled")  # its own escalations go outward
    assert fates(story, "own") == ["TERMINATED", "TERMINATED"]


def test_a_scope_waits_for_one_that_still_runs() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own(interrupting=False))
    story = Story(process(line("s:startEvent>sub>normal:serviceTask"), inner)).completes("work", escalation_code="X")
    story.completes("work").waits_at("caught")
    assert fates(story, "sub") == ["STARTED"]
    story.completes("caught").waits_at("normal")
    assert fates(story, "sub") == ["COMPLETED"]


@BOTH
def test_a_worker_is_asked_for_the_code_before_the_process_starts(*, interrupting: bool) -> None:
    story = Story(process(line("s:startEvent>work:serviceTask"), own(of="", interrupting=interrupting)))
    assert story.job_at("own_start").type is JobType.SET_ESCALATION_CODE
    assert story.state_of("p") is InstanceState.CREATED
    story.completes("own_start").waits_at("work").completes("work", escalation_code="any")
    story.waits_at(*(["caught"] if interrupting else ["caught", "work"]))


def test_an_interrupting_one_ends_runs_of_those_that_do_not_interrupt() -> None:
    one = event_sub("one", "escalation", "A", line("one_start>first:serviceTask"), interrupting=False)
    two = event_sub("two", "escalation", "B", line("two_start>second:serviceTask"))
    story = Story(process(line("s:startEvent>work:serviceTask"), one, two)).completes("work", escalation_code="A")
    story.completes("work", escalation_code="A").waits_at("work", "first", "first")
    story.completes("first", escalation_code="B").waits_at("second").is_armed_with()
    story.completes("second").has_ended()


@BOTH
def test_while_suspended_it_is_taken_and_begins_on_resume(*, interrupting: bool) -> None:
    story = Story(process(WORK, own(interrupting=interrupting))).is_suspended().completes("work", escalation_code="X")
    assert fates(story, "own_start") == ["SUSPENDED"]
    story.is_resumed()
    story.waits_at(*(["caught"] if interrupting else ["work", "other", "caught"]))
