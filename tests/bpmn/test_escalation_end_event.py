"""Escalation end event: a token ends with an escalation (contracts/engine.md 2.12, 2.17)."""

from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import InstanceState, JobType, TaskType
from tests.bpmn.drawing import ANY, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story

HANDLED = line("b>handled:serviceTask")


def thrower(of: str = "X", *inside: str) -> str:
    """Write a sub-process in which one token ends with an escalation while another works."""
    throw = event("endEvent", "x", "escalation", of)
    return sub("sub", line("is:startEvent>x is>other:serviceTask"), throw, *inside)


def around(inside: str, *events: str) -> str:
    return process(line("s:startEvent>sub>normal:serviceTask"), inside, HANDLED, *events)


def test_it_waits_for_the_engine_then_ends_the_scope_that_catches_it() -> None:
    story = Story(around(thrower(), boundary("b", "sub", "escalation", "X"))).waits_at("x", "other")
    assert story.task_at("x").type is TaskType.TRIGGER_EVENT
    story.runs_task_at("x").waits_at("handled")
    assert (fates(story, "x"), fates(story, "other"), fates(story, "sub"), fates(story, "b")) == (
        ["COMPLETED"],
        ["TERMINATED"],
        ["TERMINATED"],
        ["COMPLETED"],
    )
    assert fates(story, "normal") == []
    story.completes("handled").has_ended()


def test_one_that_nobody_catches_ends_its_token_like_a_none_end_event() -> None:
    story = Story(around(thrower(), boundary("b", "sub", "escalation", "Y"))).runs_all_tasks()
    story.waits_at("other").completes("other").waits_at("normal").completes("normal").has_ended()


def test_it_leaves_events_that_do_not_interrupt_alone() -> None:
    story = Story(around(thrower(), boundary("b", "sub", "escalation", "X", interrupting=False))).runs_all_tasks()
    story.waits_at("other").is_armed_with("b")


def test_a_worker_is_asked_for_a_code_that_the_model_does_not_know() -> None:
    story = Story(around(thrower(of=""), boundary("b", "sub", "escalation", ANY)))
    assert story.job_at("x").type is JobType.SET_ESCALATION_CODE
    answer = story.reports("x", completion=JobCompletion(), retry_limit=1)
    assert answer.error == "expected an escalation code"
    story.completes("x", escalation_code="Z").runs_task_at("x").waits_at("handled")


def test_an_event_sub_process_does_not_catch_what_it_throws_itself() -> None:
    own = event_sub(
        "own", "escalation", ANY, line("own_start>y"), event("endEvent", "y", "escalation", "X"), interrupting=False
    )
    thrown = event("intermediateThrowEvent", "t", "escalation", "X")
    inside = sub("sub", line("is:startEvent>t>other:serviceTask"), thrown, own)
    story = Story(around(inside, boundary("b", "sub", "escalation", "X"))).runs_task_at("t").waits_at("y", "other")
    story.runs_task_at("y").waits_at("handled")
    assert (fates(story, "own"), fates(story, "y")) == (["TERMINATED", "TERMINATED"], ["COMPLETED"])


def test_it_crosses_to_the_activity_that_called_and_ends_the_called_instance() -> None:
    child = process(
        line("s:startEvent>x s>other:serviceTask"), event("endEvent", "x", "escalation", "X"), process_id="child"
    )
    stage = Stage().deploys(child, "child")
    stage.deploys(process(line("s:startEvent>call:callActivity"), HANDLED, boundary("b", "call", "escalation", "X")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call").runs_task_at("x").has_ended(InstanceState.TERMINATED)
    assert (fates(called, "x"), fates(called, "other")) == (["COMPLETED"], ["TERMINATED"])
    story.waits_at("call").is_armed_with("b").runs_task_at("b").waits_at("handled")
    assert fates(story, "call") == ["TERMINATED"]
    assert not stage.due_tasks()


def test_as_the_last_token_of_a_called_process_it_completes_that_when_nobody_catches() -> None:
    child = process(line("s:startEvent>x"), event("endEvent", "x", "escalation", "X"), process_id="child")
    stage = Stage().deploys(child, "child").deploys(process(line("s:startEvent>call:callActivity>e:endEvent")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    story.called_by("call").runs_task_at("x").has_ended()
    assert story.job_at("call").type is JobType.PASS_VARIABLES
    story.completes("call").has_ended()
