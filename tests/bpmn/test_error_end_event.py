"""Error end event: a token ends with an error (contracts/engine.md 2.12, 2.17)."""

import pytest

from commands.jobs import JobCompletion
from commands.processes import ErrorDefinition
from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from tests.bpmn.drawing import ANY, boundary, event, event_sub, fates, line, process, sub
from tests.story import Story

HANDLED = line("b>handled:serviceTask")


def thrower(of: str = "E", beside: str = "") -> str:
    """Write a sub-process whose token ends in an error, after a task."""
    return sub("sub", line(f"is:startEvent>work:serviceTask>x {beside}"), event("endEvent", "x", "error", of))


def around(inside: str, *events: str) -> str:
    return process(line("s:startEvent>sub>normal:serviceTask"), inside, *events)


def test_it_waits_for_the_engine_and_then_the_error_is_caught() -> None:
    story = Story(around(thrower(), HANDLED, boundary("b", "sub", "error", "E"))).completes("work").waits_at("x")
    assert story.state_of("x") is InstanceState.STARTED
    assert story.task_at("x").type is TaskType.TRIGGER_EVENT
    assert not [job for job in story.instance.jobs.values() if job.element == "x"]
    story.runs_task_at("x").waits_at("handled")
    assert (fates(story, "x"), fates(story, "sub"), fates(story, "b")) == (["COMPLETED"], ["TERMINATED"], ["COMPLETED"])
    assert fates(story, "normal") == []
    story.completes("handled").has_ended()


def test_an_error_that_nobody_catches_ends_its_token_like_a_none_end_event() -> None:
    story = Story(around(thrower(), HANDLED, boundary("b", "sub", "error", "F"))).completes("work").runs_all_tasks()
    story.waits_at("normal")
    assert (fates(story, "x"), fates(story, "sub"), fates(story, "b")) == (["COMPLETED"], ["COMPLETED"], ["TERMINATED"])
    story.completes("normal").has_ended()


def test_an_error_that_nobody_catches_leaves_the_other_tokens_alone() -> None:
    model = process(line("s:startEvent>x s>other:serviceTask"), event("endEvent", "x", "error", "E"))
    Story(model).runs_all_tasks().waits_at("other").completes("other").has_ended()


def test_an_error_that_is_caught_ends_the_tokens_beside_it() -> None:
    inside = thrower(beside="is>other:serviceTask")
    story = Story(around(inside, HANDLED, boundary("b", "sub", "error", "E"))).completes("work").runs_all_tasks()
    story.waits_at("handled")
    assert fates(story, "other") == ["TERMINATED"]


def test_a_worker_is_asked_for_a_code_that_the_model_does_not_know() -> None:
    story = Story(around(thrower(of=""), HANDLED, boundary("b", "sub", "error", "E"))).completes("work")
    assert story.job_at("x").type is JobType.SET_ERROR_CODE
    answer = story.reports("x", completion=JobCompletion(escalation_code="E"), retry_limit=1)
    assert (answer.error, answer.state) == ("expected an error code", WorkState.CAUSED_RETRY)
    story.completes("x", error_code="E").waits_at("x").runs_task_at("x").waits_at("handled")


def test_a_deployment_may_say_the_code() -> None:
    model = around(thrower(of=""), HANDLED, boundary("b", "sub", "error"))
    story = Story(model, errors=(ErrorDefinition("x", "E"), ErrorDefinition("b", "E"))).completes("work")
    story.runs_task_at("x").waits_at("handled")


def test_an_error_without_a_code_is_caught_by_an_event_of_any() -> None:
    story = Story(around(thrower(ANY), HANDLED, boundary("b", "sub", "error", ANY))).completes("work").runs_all_tasks()
    story.waits_at("handled")


def test_an_error_without_a_code_is_not_caught_by_an_event_of_one() -> None:
    story = Story(around(thrower(ANY), HANDLED, boundary("b", "sub", "error", "E"))).completes("work").runs_all_tasks()
    story.waits_at("normal")


def test_the_event_of_an_activity_at_its_side_catches_nothing() -> None:
    model = process(
        line("s:startEvent>work:serviceTask s>x"),
        HANDLED,
        boundary("b", "work", "error", ANY),
        event("endEvent", "x", "error", "E"),
    )
    Story(model).runs_all_tasks().waits_at("work").is_armed_with("b")


def test_of_two_errors_in_a_scope_the_first_that_is_thrown_counts() -> None:
    inside = sub(
        "sub", line("is:startEvent>x is>y"), event("endEvent", "x", "error", "E"), event("endEvent", "y", "error", "F")
    )
    events = boundary("b", "sub", "error", "E"), boundary("c", "sub", "error", "F"), line("c>other:serviceTask")
    story = Story(around(inside, HANDLED, *events)).waits_at("x", "y").runs_all_tasks().waits_at("handled")
    assert (fates(story, "x"), fates(story, "y")) == (["COMPLETED"], ["TERMINATED"])
    assert story.names().count("TaskCanceled") == 1


def test_a_loop_over_an_error_opens_the_scope_anew_each_time() -> None:
    model = process(
        line("s:startEvent>m:exclusiveGateway>sub>normal:serviceTask b>m"),
        thrower(),
        boundary("b", "sub", "error", "E"),
    )
    story = Story(model)
    for _ in range(3):
        story.waits_at("work").completes("work").runs_all_tasks()
    assert fates(story, "sub") == ["TERMINATED"] * 3 + ["STARTED"]


def test_while_suspended_the_error_is_thrown_all_the_same() -> None:
    story = Story(around(thrower(), HANDLED, boundary("b", "sub", "error", "E"))).completes("work").is_suspended()
    story.runs_task_at("x").waits_at("handled")
    assert story.state_of("handled") is InstanceState.SUSPENDED
    story.is_resumed().completes("handled").has_ended()


def test_one_reached_while_suspended_throws_after_the_resume() -> None:
    story = Story(around(thrower(), HANDLED, boundary("b", "sub", "error", "E"))).is_suspended().completes("work")
    assert not story.instance.tasks
    story.is_resumed().runs_task_at("x").waits_at("handled")


@pytest.mark.parametrize("code", ["E", ANY])
def test_inside_an_event_sub_process_it_goes_to_the_scope_around(code: str) -> None:
    own = event_sub("own", "error", ANY, line("own_start>again"), event("endEvent", "again", "error", "E"))
    inside = sub("sub", line("is:startEvent>work:serviceTask>x"), event("endEvent", "x", "error", "E"), own)
    story = Story(around(inside, HANDLED, boundary("b", "sub", "error", code))).completes("work")
    story.runs_task_at("x").waits_at("again").runs_task_at("again").waits_at("handled")
    assert (fates(story, "own"), fates(story, "sub")) == (["TERMINATED"], ["TERMINATED"])
