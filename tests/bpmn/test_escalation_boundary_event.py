"""Escalation boundary event: an activity tells that something is up; that ends it or not (contracts/engine.md 2.12)."""

from datetime import timedelta

import pytest

from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import EventTriggered, InstanceState, JobType, WorkState
from domain.bpmn.execution import ExecutionError
from tests.bpmn.drawing import ANY, at_once, boundary, event, fates, line, process, sub
from tests.story import Stage, Story

HANDLED = line("b>handled:serviceTask")
WORK = line("s:startEvent>work:serviceTask>e:endEvent")
NESTED = sub("sub", line("is:startEvent>work:serviceTask")) + line("s:startEvent>sub>normal:serviceTask")
BOTH = pytest.mark.parametrize("interrupting", [True, False])


@BOTH
@pytest.mark.parametrize("model", [WORK, NESTED])
def test_an_escalation_of_a_job_is_caught_at_its_task_or_a_scope_around(model: str, *, interrupting: bool) -> None:
    host = "sub" if model is NESTED else "work"
    story = Story(process(model, HANDLED, boundary("b", host, "escalation", "X", interrupting=interrupting)))
    story.completes("work", escalation_code="X")
    if interrupting:
        story.waits_at("handled").is_armed_with()
        assert (fates(story, "work"), fates(story, "b")) == (["TERMINATED"], ["COMPLETED"])
        assert fates(story, "normal") == []
        story.completes("handled").has_ended()
    else:
        story.waits_at("handled", "work").is_armed_with("b")
        assert (fates(story, "work"), fates(story, "b")) == (["STARTED"], ["COMPLETED", "CREATED"])
        story.completes("handled").completes("work")


def test_one_that_does_not_interrupt_leaves_the_task_a_fresh_job_with_as_many_retries() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "escalation", "X", interrupting=False)))
    story.fails("work", retry_limit=1)
    failed = story.job_at("work")
    answer = story.reports("work", completion=JobCompletion(escalation_code="X"), retry_limit=9, retry_timer="PT5M")
    assert (answer.state, answer.error) == (WorkState.DONE, "")
    again = story.job_at("work")
    assert again.id > failed.id
    assert (again.type, again.retry_count) == (JobType.EXECUTE, failed.retry_count)
    assert again.due_at == again.created_at + timedelta(minutes=5)
    assert not again.locked_by


def test_it_may_escalate_as_often_as_it_likes() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "escalation", ANY, interrupting=False)))
    for code in ("X", "Y", "X"):
        story.completes("work", escalation_code=code)
    story.waits_at("work", "handled", "handled", "handled").is_armed_with("b")
    story.completes("work").waits_at("handled", "handled", "handled").is_armed_with()
    assert fates(story, "b") == ["COMPLETED"] * 3 + ["TERMINATED"]


def test_the_very_code_beats_any_and_the_nearest_event_comes_first() -> None:
    inner = sub(
        "sub",
        line("is:startEvent>work:serviceTask any>by_any:serviceTask exact>by_exact:serviceTask"),
        boundary("any", "work", "escalation", ANY, interrupting=False),
        boundary("exact", "work", "escalation", "X", interrupting=False),
    )
    model = process(line("s:startEvent>sub far>by_far:serviceTask"), inner, boundary("far", "sub", "escalation", "Y"))
    story = Story(model).completes("work", escalation_code="X").waits_at("work", "by_exact")
    story.completes("work", escalation_code="Y").waits_at("work", "by_exact", "by_any")


def test_an_escalation_that_nobody_catches_is_an_error_of_the_job() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "escalation", "X")))
    with pytest.raises(ExecutionError, match="failed to find boundary event for escalation code Y"):
        story.completes("work", escalation_code="Y")
    story.waits_at("work").is_armed_with("b")


def test_errors_and_escalations_are_not_mistaken_for_each_other() -> None:
    model = process(
        WORK, HANDLED, boundary("b", "work", "escalation", "X"), boundary("c", "work", "error", "X"), line("c>e")
    )
    Story(model).completes("work", escalation_code="X").waits_at("handled")
    Story(model).completes("work", error_code="X").has_ended()


@BOTH
def test_a_worker_is_asked_for_the_code_before_the_task_starts(*, interrupting: bool) -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "escalation", interrupting=interrupting)))
    assert story.state_of("work") is InstanceState.CREATED
    assert [(job.element, job.type) for job in story.instance.jobs.values()] == [("b", JobType.SET_ESCALATION_CODE)]
    story.completes("b", escalation_code="X").completes("work", escalation_code="X")
    story.waits_at(*(["handled"] if interrupting else ["handled", "work"]))


def test_a_worker_is_asked_once_however_often_the_event_happens() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "escalation", interrupting=False))).completes("b")
    story.completes("work", escalation_code="X").completes("work", escalation_code="Y")
    story.waits_at("work", "handled", "handled").is_armed_with("b")
    assert [job.type for job in story.instance.jobs.values()].count(JobType.SET_ESCALATION_CODE) == 0


def test_an_escalation_of_one_instance_of_several_is_caught_for_all() -> None:
    body = sub("sub", line("is:startEvent>work:serviceTask"), several=at_once(2))
    story = Story(
        process(line("s:startEvent>sub"), body, HANDLED, boundary("b", "sub", "escalation", "X", interrupting=False))
    )
    story.completes("work", escalation_code="X").waits_at("work", "work", "handled").is_armed_with("b")
    story.completes("work").completes("work").waits_at("handled").completes("handled").has_ended()


def test_a_message_that_a_worker_sends_may_escalate_too() -> None:
    inner = sub("sub", line("is:startEvent>x>ie:endEvent"), event("intermediateThrowEvent", "x", "message"))
    model = process(
        line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "escalation", "X", interrupting=False)
    )
    Story(model).completes("x", escalation_code="X").waits_at("x", "handled").completes("x").waits_at("handled")


@BOTH
def test_while_suspended_it_is_caught_and_its_path_begins_on_resume(*, interrupting: bool) -> None:
    model = process(WORK, HANDLED, boundary("b", "work", "escalation", "X", interrupting=interrupting))
    story = Story(model).is_suspended().completes("work", escalation_code="X")
    assert story.state_of("handled") is InstanceState.SUSPENDED
    story.is_resumed().completes("handled")
    if not interrupting:
        story.waits_at("work").is_armed_with("b").completes("work")
    story.has_ended()


@BOTH
def test_an_escalation_crosses_to_the_activity_that_called(*, interrupting: bool) -> None:
    stage = Stage().deploys(process(WORK, process_id="child"), "child")
    stage.deploys(
        process(
            line("s:startEvent>call:callActivity>e:endEvent"),
            HANDLED,
            boundary("b", "call", "escalation", "X", interrupting=interrupting),
        )
    )
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call").completes("work", escalation_code="X")
    story.waits_at("call")
    story.runs_task_at("b")
    if interrupting:
        child.has_ended(InstanceState.TERMINATED)
        story.waits_at("handled").completes("handled").has_ended()
    else:
        story.waits_at("call", "handled").is_armed_with("b")
        child.waits_at("work").completes("work").has_ended()
        story.completes("call").completes("handled").has_ended()


def test_no_escalation_of_a_called_process_is_lost_though_several_come_before_the_first_is_taken() -> None:
    stage = Stage().deploys(process(WORK, process_id="child"), "child")
    event_beside = boundary("b", "call", "escalation", ANY, interrupting=False)
    stage.deploys(process(line("s:startEvent>call:callActivity"), HANDLED, event_beside))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call")
    for code in ("X", "Y", "Z"):
        child.completes("work", escalation_code=code)
    stage.runs_due_tasks()
    story.waits_at("call", "handled", "handled", "handled").is_armed_with("b")
    triggered = [fact.escalation_code for fact in story.facts if isinstance(fact, EventTriggered)]
    assert triggered == ["X", "Y", "Z"]
