"""Error boundary event: an error ends an activity, and the token goes another way (contracts/engine.md 2.4, 2.12)."""

from datetime import timedelta

import pytest

from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import InstanceState, JobType, WorkState
from domain.incidents.events import IncidentCanceled
from domain.rejection import InvalidModel
from tests.bpmn.drawing import ANY, at_once, boundary, fates, line, process, sub
from tests.story import Stage, Story, bpmn

HANDLED = line("b>handled:serviceTask")
WORK = line("s:startEvent>work:serviceTask>e:endEvent")
NESTED = sub("sub", line("is:startEvent>work:serviceTask>after_work:serviceTask")) + line(
    "s:startEvent>sub>normal:serviceTask"
)


def test_an_error_of_a_job_ends_its_task_and_the_token_goes_on_from_the_event() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error", "E")))
    story.waits_at("work").is_armed_with("b").completes("work", error_code="E")
    story.waits_at("handled").is_armed_with()
    assert (fates(story, "work"), fates(story, "b")) == (["TERMINATED"], ["COMPLETED"])
    story.completes("handled").has_ended()


def test_an_event_that_nothing_happened_to_ends_with_its_task() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error", "E"))).completes("work").has_ended()
    assert (fates(story, "work"), fates(story, "b")) == (["COMPLETED"], ["TERMINATED"])


def test_another_error_is_not_caught() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error", "E")))
    answer = story.reports("work", completion=JobCompletion(error_code="F"))
    assert answer.error == "EXECUTION: failed to throw BPMN error: failed to find boundary event for error code F"
    assert answer.state is WorkState.CAUSED_INCIDENT
    story.waits_at("work").is_armed_with("b")


def test_an_event_of_any_error_catches_each() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error", ANY)))
    story.completes("work", error_code="whatever").waits_at("handled")


@pytest.mark.parametrize("order", [("any", "exact"), ("exact", "any")])
def test_the_very_code_beats_any_whatever_their_order(order: tuple[str, str]) -> None:
    events = {"any": boundary("any", "work", "error", ANY), "exact": boundary("exact", "work", "error", "E")}
    handlers = line("any>by_any:serviceTask exact>by_exact:serviceTask")
    model = process(WORK, handlers, *(events[name] for name in order))
    story = Story(model).completes("work", error_code="E").waits_at("by_exact")
    assert (fates(story, "exact"), fates(story, "any")) == (["COMPLETED"], ["TERMINATED"])
    Story(model).completes("work", error_code="F").waits_at("by_any")


def test_the_nearest_event_catches_even_if_one_farther_out_has_the_very_code() -> None:
    inner = sub(
        "sub", line("is:startEvent>work:serviceTask near>by_near:serviceTask"), boundary("near", "work", "error", ANY)
    )
    model = process(line("s:startEvent>sub far>by_far:serviceTask"), inner, boundary("far", "sub", "error", "E"))
    story = Story(model).completes("work", error_code="E").waits_at("by_near").is_armed_with("far")
    story.completes("by_near").has_ended()


def test_an_error_inside_a_sub_process_ends_it_and_takes_the_path_of_the_event_only() -> None:
    story = Story(process(NESTED, HANDLED, boundary("b", "sub", "error", "E")))
    story.completes("work", error_code="E").waits_at("handled")
    assert (fates(story, "work"), fates(story, "sub"), fates(story, "b")) == (
        ["TERMINATED"],
        ["TERMINATED"],
        ["COMPLETED"],
    )
    assert fates(story, "normal") == []
    story.completes("handled").has_ended()


def test_an_error_from_deep_inside_ends_every_scope_on_its_way_out() -> None:
    deep = sub("deep", line("ds:startEvent>work:serviceTask beside:userTask ds>beside"))
    outer = sub("outer", deep, line("os:startEvent>deep os>other:serviceTask"))
    story = Story(process(line("s:startEvent>outer"), outer, HANDLED, boundary("b", "outer", "error", "E")))
    story.waits_at("work", "beside", "other").completes("work", error_code="E").waits_at("handled")
    assert [fates(story, name) for name in ("work", "beside", "deep", "other", "outer")] == [["TERMINATED"]] * 5
    assert not story.instance.user_tasks


def test_an_error_passes_scopes_that_catch_something_else() -> None:
    inner = sub("inner", line("is:startEvent>work:serviceTask"))
    outer = sub("outer", inner, line("os:startEvent>inner"), boundary("no", "inner", "error", "F"))
    story = Story(process(line("s:startEvent>outer"), outer, HANDLED, boundary("b", "outer", "error", "E")))
    story.completes("work", error_code="E").waits_at("handled")
    assert fates(story, "no") == ["TERMINATED"]


def test_tokens_beside_the_activity_go_on() -> None:
    model = process(
        line("s:startEvent>work:serviceTask s>other:serviceTask"), HANDLED, boundary("b", "work", "error", "E")
    )
    story = Story(model).completes("work", error_code="E").waits_at("handled", "other")
    story.completes("other").completes("handled").has_ended()


def test_the_job_of_a_task_that_an_error_ended_is_canceled_and_changes_nothing() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask is>other:serviceTask"))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "E")))
    story.completes("work", error_code="E")
    before = len(story.facts)
    answer = story.reports("other", error="out of order", retry_limit=3)
    assert (answer.state, answer.error) == (WorkState.CANCELED, "")
    assert [type(fact).__name__ for fact in story.facts[before:]] == ["JobLocked", "JobCanceled"]
    story.waits_at("handled")


def test_an_incident_inside_what_an_error_ends_is_canceled() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask is>other:serviceTask"))
    story = Story(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "E")))
    story.fails("other")
    assert len(story.instance.incidents) == 1
    story.completes("work", error_code="E").waits_at("handled")
    assert not story.instance.incidents
    assert sum(isinstance(fact.event, IncidentCanceled) for fact in story.stage.log.facts) == 1


@pytest.mark.parametrize("tag", ["serviceTask", "scriptTask", "sendTask", "businessRuleTask"])
def test_each_task_of_a_worker_may_have_one(tag: str) -> None:
    story = Story(process(line(f"s:startEvent>work:{tag}"), HANDLED, boundary("b", "work", "error", "E")))
    story.completes("work", error_code="E").waits_at("handled")


@pytest.mark.parametrize("tag", ["task", "manualTask"])
def test_an_activity_that_nobody_does_is_passed_without_arming_its_events(tag: str) -> None:
    story = Story(process(line(f"s:startEvent>work:{tag}>e:endEvent"), HANDLED, boundary("b", "work", "error", "E")))
    story.has_ended()
    assert fates(story, "b") == []


def test_a_worker_is_asked_for_the_code_before_the_task_starts() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error")))
    assert (story.state_of("work"), story.state_of("b")) == (InstanceState.CREATED, InstanceState.CREATED)
    assert [(job.element, job.type) for job in story.instance.jobs.values()] == [("b", JobType.SET_ERROR_CODE)]
    story.completes("b", error_code="E")
    assert story.state_of("work") is InstanceState.STARTED
    assert story.state_of("b") is InstanceState.CREATED
    story.completes("work", error_code="E").waits_at("handled")


def test_a_worker_who_gives_no_code_means_any() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error"))).completes("b")
    story.completes("work", error_code="whatever").waits_at("handled")


def test_a_task_starts_when_the_last_of_its_events_is_known() -> None:
    events = [boundary(name, "work", "error") for name in ("b", "c", "d")]
    story = Story(
        process(WORK, HANDLED, line("c>e d>e"), *events, boundary("known", "work", "error", "K"), line("known>e"))
    )
    assert [job.element for job in story.instance.jobs.values()] == ["b", "c", "d"]
    for name in ("d", "b"):
        story.completes(name, error_code=name)
        assert story.state_of("work") is InstanceState.CREATED
    story.completes("c", error_code="c")
    assert story.state_of("work") is InstanceState.STARTED
    assert story.job_at("work").type is JobType.EXECUTE
    story.completes("work", error_code="d").has_ended()


def test_ids_rise_from_the_task_to_its_events_in_the_order_of_the_model() -> None:
    story = Story(process(WORK, boundary("b", "work", "error"), boundary("a", "work", "error", "E"), line("b>e a>e")))
    assert story.at("work").id < story.at("b").id < story.at("a").id


def test_asking_for_a_code_may_fail_and_be_tried_again() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error"))).fails("b", retry_limit=1)
    assert story.job_at("b").retry_count == 1
    story.fails("b").waits_at("work").resolves().completes("b", error_code="E")
    story.completes("work", error_code="E").waits_at("handled")


def test_an_event_that_is_still_asked_for_catches_nothing() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask"), boundary("b", "work", "error"))
    model = process(
        line("s:startEvent>sub s>also:serviceTask"),
        inner,
        boundary("t", "sub", "timer", "PT1H"),
        line("t>late:serviceTask"),
    )
    story = Story(model).runs_all_tasks()
    story.stage.passes(timedelta(hours=1))
    story.runs_all_tasks().waits_at("also", "late")
    answer = story.reports("b", completion=JobCompletion(error_code="E"))
    assert answer.state is WorkState.CANCELED


def test_an_event_that_is_known_may_end_a_task_that_has_not_started() -> None:
    events = boundary("b", "work", "error"), boundary("g", "work", "signal", "go"), line("g>gone:serviceTask")
    story = Story(process(WORK, HANDLED, *events))
    story.stage.sends_signal("go")
    story.runs_all_tasks().waits_at("gone")
    assert story.reports("b").state is WorkState.CANCELED
    assert fates(story, "work") == ["TERMINATED"]


def test_an_event_that_is_known_and_does_not_interrupt_leaves_a_task_waiting_for_the_others() -> None:
    events = boundary("b", "work", "error"), boundary("g", "work", "signal", "go", interrupting=False)
    story = Story(process(WORK, HANDLED, *events, line("g>gone:serviceTask")))
    story.stage.sends_signal("go")
    story.runs_all_tasks().waits_at("gone", "work").is_armed_with("b", "g")
    assert story.state_of("work") is InstanceState.CREATED
    story.completes("b", error_code="E").completes("work", error_code="E").waits_at("gone", "handled")


def test_of_several_instances_of_an_activity_one_error_ends_all() -> None:
    body = sub("sub", line("is:startEvent>work:serviceTask"), several=at_once(3))
    story = Story(
        process(line("s:startEvent>sub>normal:serviceTask"), body, HANDLED, boundary("b", "sub", "error", "E"))
    )
    story.waits_at("work", "work", "work").completes("work").completes("work", error_code="E").waits_at("handled")
    assert fates(story, "work") == ["COMPLETED", "TERMINATED", "TERMINATED"]
    assert fates(story, "sub") == ["TERMINATED", "COMPLETED", "TERMINATED", "TERMINATED"]
    assert fates(story, "b") == ["COMPLETED"]
    story.completes("handled").has_ended()


def test_an_error_ends_an_instance_that_the_activity_called() -> None:
    stage = Stage().deploys(bpmn("s:startEvent deep:serviceTask", "s>deep", process_id="child"), "child")
    inner = sub("sub", line("is:startEvent>call:callActivity is>work:serviceTask"))
    stage.deploys(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "E")))
    story = stage.starts()
    story.completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call").waits_at("deep")
    story.completes("work", error_code="E").waits_at("handled")
    child.waits_at("deep")
    stage.runs_due_tasks()
    child.has_ended(InstanceState.TERMINATED)
    story.waits_at("handled")


def test_while_suspended_an_error_is_caught_and_its_path_begins_on_resume() -> None:
    story = Story(process(NESTED, HANDLED, boundary("b", "sub", "error", "E"))).is_suspended()
    story.completes("work", error_code="E").waits_at("handled")
    assert story.state_of("handled") is InstanceState.SUSPENDED
    assert not story.instance.jobs
    story.is_resumed().completes("handled").has_ended()


def test_events_that_become_known_while_suspended_let_the_task_start_on_resume() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error"))).is_suspended().completes("b", error_code="E")
    assert story.state_of("work") is InstanceState.SUSPENDED
    assert not story.instance.jobs
    story.is_resumed()
    assert story.state_of("work") is InstanceState.STARTED
    story.completes("work", error_code="E").waits_at("handled")


def test_events_that_become_known_after_a_resume_let_the_task_start() -> None:
    story = Story(process(WORK, HANDLED, boundary("b", "work", "error"))).is_suspended().is_resumed()
    story.completes("b", error_code="E").completes("work").has_ended()


def test_a_flow_into_it_is_refused() -> None:
    model = process(line("s:startEvent>a:serviceTask>b"), HANDLED, boundary("b", "a", "error", "E"))
    with pytest.raises(InvalidModel) as refused:
        Story(model)
    assert [cause.pointer for cause in refused.value.causes] == ["/p/b"]
