"""Error start event: an event sub-process takes an error of the scope around it (BPMN 2.0, 13.5.4)."""

import pytest

from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import EventTriggered, InstanceState, JobType, WorkState
from domain.bpmn.execution import ExecutionError
from domain.incidents.events import IncidentCanceled
from tests.bpmn.drawing import ANY, at_once, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story

CAUGHT = line("own_start>caught:serviceTask>own_end:endEvent")
WORK = line("s:startEvent>work:serviceTask>e:endEvent s>other:userTask")
HANDLED = line("b>handled:serviceTask")


def own(of: str = "E", *inside: str) -> str:
    return event_sub("own", "error", of, *(inside or (CAUGHT,)))


def test_it_waits_beside_its_process_until_an_error_ends_everything_else() -> None:
    story = Story(process(WORK, own())).waits_at("work", "other").is_armed_with("own")
    assert story.state_of("own") is InstanceState.CREATED
    story.completes("work", error_code="E").waits_at("caught").is_armed_with()
    assert [fates(story, name) for name in ("work", "other", "own", "own_start")] == [
        ["TERMINATED"],
        ["TERMINATED"],
        ["STARTED"],
        ["COMPLETED"],
    ]
    assert not story.instance.user_tasks
    assert [fact.element for fact in story.facts if isinstance(fact, EventTriggered)] == ["own_start"]
    story.completes("caught").has_ended()
    assert (fates(story, "own"), fates(story, "p")) == (["COMPLETED"], ["COMPLETED"])


def test_one_that_was_not_needed_ends_with_its_process() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask"), own())).completes("work").has_ended()
    assert fates(story, "own") == ["TERMINATED"]


def test_in_a_sub_process_it_ends_that_alone_and_the_sub_process_then_completes() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own())
    story = Story(process(line("s:startEvent>sub>normal:serviceTask s>other:serviceTask"), inner))
    story.completes("work", error_code="E").waits_at("caught", "other")
    assert (fates(story, "sub"), fates(story, "work")) == (["STARTED"], ["TERMINATED"])
    story.completes("caught").waits_at("normal", "other")
    assert fates(story, "sub") == ["COMPLETED"]


def test_it_comes_before_the_event_at_the_border_of_its_sub_process_but_after_that_of_the_task() -> None:
    inner = sub(
        "sub", line("is:startEvent>work:serviceTask c>near:serviceTask"), boundary("c", "work", "error", "N"), own(ANY)
    )
    model = process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "E"))
    Story(model).completes("work", error_code="N").waits_at("near").is_armed_with("own", "b")
    Story(model).completes("work", error_code="E").waits_at("caught").is_armed_with("b")


def test_of_two_the_very_code_beats_any() -> None:
    other = event_sub("any", "error", ANY, line("any_start>other:serviceTask"))
    model = process(line("s:startEvent>work:serviceTask"), other, own())
    Story(model).completes("work", error_code="E").waits_at("caught").is_armed_with()
    Story(model).completes("work", error_code="F").waits_at("other")


def test_an_error_inside_it_goes_outward_and_not_to_itself() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own(ANY))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", ANY)))
    story.completes("work", error_code="E").completes("caught", error_code="E").waits_at("handled")
    assert [fates(story, name) for name in ("caught", "own", "sub", "b")] == [["TERMINATED"]] * 3 + [["COMPLETED"]]


def test_an_error_inside_it_that_nobody_else_catches_is_an_error_of_the_job() -> None:
    story = Story(process(WORK, own(ANY))).completes("work", error_code="E")
    with pytest.raises(ExecutionError, match="failed to find boundary event for error code E"):
        story.completes("caught", error_code="E")
    story.waits_at("caught")


def test_an_error_end_event_inside_it_that_nobody_else_catches_ends_it() -> None:
    inside = line("own_start>again"), event("endEvent", "again", "error", "E")
    Story(process(WORK, own(ANY, *inside))).completes("work", error_code="E").runs_all_tasks().has_ended()


def test_an_event_sub_process_may_hold_another() -> None:
    second = event_sub("second", "error", ANY, line("second_start>rescued:serviceTask"))
    story = Story(process(WORK, own("E", CAUGHT, second))).completes("work", error_code="E").waits_at("caught")
    story.is_armed_with("second").completes("caught", error_code="F").waits_at("rescued")
    story.completes("rescued").has_ended()
    assert (fates(story, "second"), fates(story, "own")) == (["COMPLETED"], ["COMPLETED"])


def test_one_inside_another_is_asked_for_while_that_goes_on_and_catches_once_it_is_known() -> None:
    second = event_sub("second", "error", "", line("second_start>rescued:serviceTask"))
    story = Story(process(WORK, own("E", CAUGHT, second))).completes("work", error_code="E").waits_at("caught")
    with pytest.raises(ExecutionError, match="failed to find boundary event"):
        story.completes("caught", error_code="F")
    story.completes("second_start").resolves().completes("caught", error_code="F").waits_at("rescued")


def test_a_boundary_event_inside_it_catches_first() -> None:
    inside = CAUGHT, boundary("c", "caught", "error", ANY), line("c>rescued:serviceTask")
    story = Story(process(WORK, own("E", *inside))).completes("work", error_code="E")
    story.completes("caught", error_code="F").waits_at("rescued").completes("rescued").has_ended()


def test_a_worker_is_asked_for_the_code_before_the_process_starts() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask"), own(of="")))
    assert story.state_of("p") is InstanceState.CREATED
    assert [(job.element, job.type) for job in story.instance.jobs.values()] == [("own_start", JobType.SET_ERROR_CODE)]
    assert fates(story, "s") == []
    story.completes("own_start", error_code="E").waits_at("work")
    assert story.state_of("p") is InstanceState.STARTED
    story.completes("work", error_code="E").waits_at("caught")


def test_a_sub_process_is_asked_for_its_events_inside_and_at_its_border_before_it_starts() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own(of=""))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error")))
    assert [job.element for job in story.instance.jobs.values()] == ["b", "own_start"]
    story.completes("own_start", error_code="E")
    assert story.state_of("sub") is InstanceState.CREATED
    story.completes("b", error_code="F").waits_at("work").completes("work", error_code="F").waits_at("handled")


def test_each_of_several_instances_has_one_of_its_own() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own(), several=at_once(2))
    story = Story(process(line("s:startEvent>sub>normal:serviceTask"), inner)).is_armed_with("own", "own")
    story.completes("work", error_code="E").waits_at("caught", "work").is_armed_with("own")
    story.completes("work", error_code="E").waits_at("caught", "caught").is_armed_with()
    story.completes("caught").completes("caught").waits_at("normal").completes("normal").has_ended()
    assert fates(story, "own") == ["COMPLETED", "COMPLETED"]


def test_what_it_ended_leaves_jobs_that_are_canceled_and_no_incidents() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask s>other:serviceTask s>third:serviceTask"), own()))
    story.fails("other").completes("work", error_code="E").waits_at("caught")
    assert not story.instance.incidents
    assert sum(isinstance(fact.event, IncidentCanceled) for fact in story.stage.log.facts) == 1
    assert story.reports("third").state is WorkState.CANCELED
    story.waits_at("caught").completes("caught").has_ended()


def test_a_process_that_caught_its_error_returns_to_its_caller_as_any_other() -> None:
    child = process(line("s:startEvent>work:serviceTask"), own(), process_id="child")
    stage = Stage().deploys(child, "child")
    stage.deploys(
        process(line("s:startEvent>call:callActivity>e:endEvent"), HANDLED, boundary("b", "call", "error", "E"))
    )
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call").completes("work", error_code="E").waits_at("caught")
    story.waits_at("call").is_armed_with("b")
    called.completes("caught").has_ended()
    story.completes("call").has_ended()


def test_an_error_inside_it_crosses_to_the_activity_that_called() -> None:
    child = process(line("s:startEvent>work:serviceTask"), own(ANY), process_id="child")
    stage = Stage().deploys(child, "child")
    stage.deploys(process(line("s:startEvent>call:callActivity"), HANDLED, boundary("b", "call", "error", "F")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call").completes("work", error_code="E").completes("caught", error_code="F")
    called.has_ended(InstanceState.TERMINATED)
    story.runs_task_at("b").waits_at("handled")


def test_it_takes_an_error_that_a_call_inside_its_scope_was_the_end_of() -> None:
    child = process(line("s:startEvent>work:serviceTask"), process_id="child")
    stage = (
        Stage()
        .deploys(child, "child")
        .deploys(process(line("s:startEvent>call:callActivity s>work:serviceTask"), own()))
    )
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    called = story.called_by("call")
    answer = called.reports("work", completion=JobCompletion(error_code="E"))
    assert answer.state is WorkState.CAUSED_INCIDENT  # scopes around the activity that called are not searched
    story.completes("work", error_code="E").waits_at("caught")
    stage.runs_due_tasks()
    called.has_ended(InstanceState.TERMINATED)
    assert not called.instance.incidents


def test_while_suspended_it_catches_and_begins_on_resume() -> None:
    story = Story(process(WORK, own())).is_suspended().completes("work", error_code="E").waits_at("own_start")
    assert fates(story, "own_start") == ["SUSPENDED"]
    story.is_resumed().waits_at("caught").completes("caught").has_ended()


def test_a_terminate_end_event_inside_it_ends_it_alone() -> None:
    inside = line("own_start>caught:serviceTask>x own_start>also:userTask"), event("endEvent", "x", "terminate")
    inner = sub("sub", line("is:startEvent>work:serviceTask"), own("E", *inside))
    story = Story(process(line("s:startEvent>sub>normal:serviceTask s>other:serviceTask"), inner))
    story.completes("work", error_code="E").waits_at("caught", "also", "other").completes("caught")
    story.waits_at("normal", "other")
    assert [fates(story, name) for name in ("x", "also", "own", "sub")] == [
        ["COMPLETED"],
        ["TERMINATED"],
        ["COMPLETED"],
        ["COMPLETED"],
    ]
