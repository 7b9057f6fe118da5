"""Escalation throw event: tells the scopes around it, and goes on (contracts/engine.md 2.12, 2.17)."""

import pytest

from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import InstanceState, JobType, TaskType
from domain.bpmn.execution import ExecutionError
from tests.bpmn.drawing import ANY, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story

HANDLED = line("b>handled:serviceTask")


def thrower(of: str = "X", *inside: str) -> str:
    """Write a sub-process that tells something and goes on."""
    throw = event("intermediateThrowEvent", "x", "escalation", of)
    return sub("sub", line("is:startEvent>x>after:serviceTask"), throw, *inside)


def around(inside: str, *events: str) -> str:
    return process(line("s:startEvent>sub>normal:serviceTask"), inside, HANDLED, *events)


def beside(of: str = "X", *, interrupting: bool = False, bpmn_id: str = "b") -> str:
    return boundary(bpmn_id, "sub", "escalation", of, interrupting=interrupting)


def test_it_waits_for_the_engine_then_tells_and_goes_on() -> None:
    story = Story(around(thrower(), beside())).waits_at("x")
    assert story.state_of("x") is InstanceState.STARTED
    assert story.task_at("x").type is TaskType.TRIGGER_EVENT
    assert not story.instance.jobs
    story.runs_task_at("x").waits_at("after", "handled").is_armed_with("b")
    assert (fates(story, "x"), fates(story, "sub"), fates(story, "b")) == (
        ["COMPLETED"],
        ["STARTED"],
        ["COMPLETED", "CREATED"],
    )
    story.completes("handled").completes("after").completes("normal").has_ended()


def test_one_that_nobody_catches_goes_on() -> None:
    Story(around(thrower(), beside("Y"))).runs_all_tasks().waits_at("after").is_armed_with("b")


def test_it_leaves_events_that_interrupt_alone() -> None:
    story = Story(around(thrower(), beside(interrupting=True))).runs_all_tasks()
    story.waits_at("after").is_armed_with("b")


def test_it_passes_one_that_interrupts_for_one_farther_out_that_does_not() -> None:
    outer = sub(
        "outer", line("os:startEvent>sub"), thrower(), boundary("c", "sub", "escalation", "X"), line("c>wrong:userTask")
    )
    event_outside = boundary("b", "outer", "escalation", ANY, interrupting=False)
    story = Story(process(line("s:startEvent>outer"), outer, HANDLED, event_outside)).runs_all_tasks()
    story.waits_at("after", "handled").is_armed_with("b", "c")


def test_a_worker_is_asked_for_a_code_that_the_model_does_not_know() -> None:
    story = Story(around(thrower(of=""), beside()))
    assert story.job_at("x").type is JobType.SET_ESCALATION_CODE
    assert (
        story.reports("x", completion=JobCompletion(error_code="X"), retry_limit=1).error
        == "expected an escalation code"
    )
    assert not story.instance.tasks
    story.completes("x", escalation_code="X").waits_at("x").runs_task_at("x").waits_at("after", "handled")


def test_inside_an_event_sub_process_it_is_not_caught_by_another_run_of_the_same() -> None:
    own = event_sub(
        "own",
        "escalation",
        ANY,
        line("own_start>y>own_end:endEvent"),
        event("intermediateThrowEvent", "y", "escalation", "X"),
        interrupting=False,
    )
    story = (
        Story(around(thrower("X", own), beside(ANY))).runs_task_at("x").waits_at("after", "y").is_armed_with("own", "b")
    )
    story.runs_task_at("y").waits_at("after", "handled").is_armed_with("own", "b")
    assert fates(story, "own") == ["COMPLETED", "CREATED"]


def test_deep_inside_an_event_sub_process_it_is_not_caught_by_another_run_of_the_same_either() -> None:
    deep = sub("deep", line("ds:startEvent>y"), event("intermediateThrowEvent", "y", "escalation", "X"))
    own = event_sub("own", "escalation", ANY, line("own_start>deep"), deep, interrupting=False)
    story = Story(around(thrower("X", own), beside("Z"))).runs_all_tasks().waits_at("after").is_armed_with("own", "b")
    assert fates(story, "own") == ["COMPLETED", "CREATED"]


def test_a_sibling_event_sub_process_catches_what_is_thrown_in_another() -> None:
    one = event_sub(
        "one",
        "escalation",
        "X",
        line("one_start>y"),
        event("intermediateThrowEvent", "y", "escalation", "Y"),
        interrupting=False,
    )
    two = event_sub("two", "escalation", "Y", line("two_start>told:serviceTask"), interrupting=False)
    story = Story(around(thrower("X", one, two), beside("Z"))).runs_all_tasks().waits_at("after", "told")
    story.is_armed_with("one", "two", "b")
    assert fates(story, "one") == ["COMPLETED", "CREATED"]


def test_it_crosses_to_the_activity_that_called_and_goes_on() -> None:
    child = process(
        line("s:startEvent>x>after:serviceTask"),
        event("intermediateThrowEvent", "x", "escalation", "X"),
        process_id="child",
    )
    stage = Stage().deploys(child, "child")
    stage.deploys(
        process(
            line("s:startEvent>call:callActivity"),
            HANDLED,
            boundary("b", "call", "escalation", "X", interrupting=False),
        )
    )
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call")
    stage.runs_due_tasks()
    called.waits_at("after")
    story.waits_at("call", "handled").is_armed_with("b")


@pytest.mark.parametrize("interrupting", [True, False])
def test_scopes_around_the_activity_that_called_are_not_searched(*, interrupting: bool) -> None:
    child = process(
        line("s:startEvent>x>after:serviceTask"),
        event("intermediateThrowEvent", "x", "escalation", "X"),
        process_id="child",
    )
    inner = sub("sub", line("is:startEvent>call:callActivity"))
    stage = Stage().deploys(child, "child")
    stage.deploys(process(line("s:startEvent>sub"), inner, HANDLED, beside(interrupting=interrupting)))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    stage.runs_due_tasks()
    story.waits_at("call").is_armed_with("b")
    called = story.called_by("call").waits_at("after")
    with pytest.raises(ExecutionError, match="failed to find boundary event for escalation code X"):
        called.completes("after", escalation_code="X")


def test_while_suspended_it_tells_and_its_own_path_waits() -> None:
    story = Story(around(thrower(), beside())).is_suspended().runs_task_at("x").waits_at("after", "handled")
    assert not story.instance.jobs
    story.is_resumed().completes("after").completes("handled").completes("normal").has_ended()
