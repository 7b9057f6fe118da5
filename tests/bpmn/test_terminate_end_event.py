"""Terminate end event: everything else in its scope ends with it (BPMN 2.0, 13.5.6)."""

from datetime import timedelta

from commands.jobs import CalledProcess
from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.incidents.events import IncidentCanceled
from tests.bpmn.drawing import at_once, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story

END = event("endEvent", "x", "terminate")
HANDLED = line("b>handled:serviceTask")


def test_a_process_completes_at_once_and_its_other_tokens_are_terminated() -> None:
    inner = sub("sub", line("is:startEvent>deep:serviceTask"))
    story = Story(process(line("s:startEvent>work:serviceTask>x s>ask:userTask s>sub"), inner, END))
    story.waits_at("work", "ask", "deep").completes("work").has_ended()
    assert [fates(story, name) for name in ("x", "p", "ask", "sub", "deep")] == [
        ["COMPLETED"],
        ["COMPLETED"],
        ["TERMINATED"],
        ["TERMINATED"],
        ["TERMINATED"],
    ]


def test_in_a_sub_process_it_ends_that_alone_which_goes_on_by_its_flows() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask>x is>other:serviceTask"), END)
    model = process(
        line("s:startEvent>sub>normal:serviceTask s>beside:serviceTask"),
        inner,
        HANDLED,
        boundary("b", "sub", "error", "E"),
    )
    story = Story(model).completes("work").waits_at("normal", "beside").is_armed_with()
    assert [fates(story, name) for name in ("sub", "other", "b")] == [["COMPLETED"], ["TERMINATED"], ["TERMINATED"]]


def test_tokens_on_their_way_in_the_scope_arrive_nowhere() -> None:
    story = Story(process(line("s:startEvent>x s>a:task>b:task>late:serviceTask"), END)).has_ended()
    assert fates(story, "late") == []


def test_of_several_instances_it_ends_its_own() -> None:
    inner = sub("sub", line("is:startEvent>work:serviceTask>x is>other:serviceTask"), END, several=at_once(2))
    story = Story(process(line("s:startEvent>sub>normal:serviceTask"), inner)).completes("work")
    story.waits_at("work", "other").completes("work").waits_at("normal")
    assert fates(story, "other") == ["TERMINATED", "TERMINATED"]


def test_event_sub_processes_of_its_scope_end_with_it_whether_they_run_or_not() -> None:
    runs = event_sub("runs", "escalation", "X", line("runs_start>told:userTask"), interrupting=False)
    story = Story(process(line("s:startEvent>work:serviceTask>x"), END, runs)).completes("work", escalation_code="X")
    story.waits_at("work", "told").is_armed_with("runs").completes("work").has_ended()
    assert fates(story, "runs") == ["TERMINATED", "TERMINATED"]
    assert story.names().count("UserTaskTerminated") == 1


def test_an_instance_that_its_scope_called_is_terminated_by_a_task() -> None:
    stage = Stage().deploys(process(line("s:startEvent>deep:serviceTask"), process_id="child"), "child")
    stage.deploys(process(line("s:startEvent>work:serviceTask>x s>call:callActivity"), END))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    child = story.called_by("call")
    story.completes("work").has_ended()
    ((_, task),) = stage.due_tasks()
    assert (task.type, task.process_instance_id) == (TaskType.TERMINATE_PROCESS_INSTANCE, child.identity.id)
    stage.runs_due_tasks()
    child.has_ended(InstanceState.TERMINATED)


def test_a_called_process_that_it_ends_has_completed_for_its_caller() -> None:
    stage = Stage().deploys(
        process(line("s:startEvent>work:serviceTask>x s>other:userTask"), END, process_id="child"), "child"
    )
    stage.deploys(process(line("s:startEvent>call:callActivity>e:endEvent")))
    story = stage.starts().completes("call", called_process=CalledProcess("child", "1"))
    story.called_by("call").completes("work").has_ended()
    assert story.job_at("call").type is JobType.PASS_VARIABLES
    story.completes("call").has_ended()


def test_incidents_jobs_timers_and_subscriptions_of_its_scope_come_to_nothing() -> None:
    waiting = (
        event("intermediateCatchEvent", "t", "timer", "PT1H"),
        event("intermediateCatchEvent", "g", "signal", "go"),
        event("intermediateCatchEvent", "m", "message", "paid"),
    )
    story = Story(process(line("s:startEvent>work:serviceTask>x s>other:serviceTask s>t s>g s>m"), END, *waiting))
    story.completes("m", message_correlation_key="k").fails("other").completes("work").has_ended()
    assert not story.instance.incidents
    assert sum(isinstance(fact.event, IncidentCanceled) for fact in story.stage.log.facts) == 1
    assert story.stage.sends_signal("go").subscriber_count == 0
    assert not story.stage.sends_message("paid", "k").correlated
    story.stage.passes(timedelta(hours=2))
    assert story.stage.runs(*story.stage.due_tasks()[0]).state is WorkState.CANCELED
    assert not story.stage.due_tasks()


def test_one_reached_while_suspended_ends_its_scope_on_resume() -> None:
    story = Story(process(line("s:startEvent>work:serviceTask>x s>other:userTask"), END)).is_suspended()
    story.completes("work").waits_at("x", "other").is_resumed().has_ended()
    assert fates(story, "other") == ["TERMINATED"]
