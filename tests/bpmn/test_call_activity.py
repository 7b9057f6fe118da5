"""Call activity: an instance of another process does the work (contracts/engine.md 2.13)."""

from datetime import timedelta

import pytest

from commands.intents import ProcessVariable
from commands.jobs import CalledProcess, JobCompletion
from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.bpmn.execution import ExecutionError
from domain.bpmn.instance import Task
from domain.coordination.calling import MOST_CALLERS
from tests.bpmn.drawing import at_once, boundary, event, event_sub, fates, line, process, sub
from tests.story import Stage, Story, tags, text

CHILD = process(line("s:startEvent>work:serviceTask>e:endEvent"), process_id="child")
HANDLED = line("b>handled:serviceTask")


def caller(called_element: str = "", *beside: str) -> str:
    """Write a process that calls another and goes on."""
    attribute = f' calledElement="{called_element}"' if called_element else ""
    return process(line("s:startEvent>call>after:serviceTask"), f'<callActivity id="call"{attribute}/>', *beside)


def stage_with(*calling: str) -> Stage:
    stage = Stage().deploys(CHILD, "child")
    for xml in calling:
        stage.deploys(xml)
    return stage


def test_a_worker_says_which_process_then_passes_its_variables_on() -> None:
    story = stage_with(caller()).starts().waits_at("call")
    assert story.job_at("call").type is JobType.CALL_PROCESS
    story.completes("call", called_process=CalledProcess("child", "1")).waits_at("call")
    assert not story.instance.jobs
    child = story.called_by("call").waits_at("work").completes("work").has_ended()
    assert story.job_at("call").type is JobType.PASS_VARIABLES
    assert story.at("call").called == 0
    story.completes("call").waits_at("after").completes("after").has_ended()
    assert child.instance.state is InstanceState.COMPLETED


def test_the_called_instance_lives_in_the_partition_of_its_parent_and_knows_its_root() -> None:
    middle = process(line("s:startEvent>call:callActivity"), process_id="middle")
    stage = stage_with(caller()).deploys(middle, "middle")
    story = stage.starts().completes("call", called_process=CalledProcess("middle", "1"))
    between = story.called_by("call")
    stage.passes(timedelta(days=2))
    deep = between.completes("call", called_process=CalledProcess("child", "1")).called_by("call")
    assert (story.instance.parent_id, story.instance.root_id) == (0, 0)
    assert (between.instance.parent_id, between.instance.root_id) == (story.identity.id, story.identity.id)
    assert (deep.instance.parent_id, deep.instance.root_id) == (between.identity.id, story.identity.id)
    assert deep.identity.partition == between.identity.partition == story.identity.partition


def test_it_is_given_what_the_worker_says_and_nothing_else() -> None:
    story = stage_with(caller()).starts(variables=(ProcessVariable("own", text("1")),), correlation_key="mine")
    said = CalledProcess("child", "1", "order-7", tags(team="red"), (ProcessVariable("given", text("2")),))
    child = story.completes("call", called_process=said).called_by("call")
    assert set(child.instance.variables[0]) == {"given"}
    assert (child.instance.correlation_key, child.instance.tags) == ("order-7", {"team": "red"})
    assert child.job_at("work").correlation_key == "order-7"
    child.sets(result="3").completes("work")
    assert set(story.instance.variables[0]) == {"own"}
    story.reports("call", process_variables=(ProcessVariable("result", text("3")),))
    assert set(story.instance.variables[0]) == {"own", "result"}


@pytest.mark.parametrize(
    ("called_element", "said", "version"),
    [
        ("", CalledProcess("child", "1"), "1"),
        ("child:1", None, "1"),
        ("child", None, "2"),
        ("child", CalledProcess(), "2"),
        ("child:1", CalledProcess(version="2"), "2"),
        ("child", CalledProcess(version="1"), "1"),
        ("child", CalledProcess("child"), "2"),
        ("child:1", CalledProcess("child"), "1"),
        ("other:2", CalledProcess("child"), "2"),
        ("other:2", CalledProcess("child", "1"), "1"),
        ("nobody:7", CalledProcess("child", "1"), "1"),
    ],
)
def test_the_model_says_which_process_as_far_as_the_worker_does_not(
    called_element: str, said: CalledProcess | None, version: str
) -> None:
    stage = stage_with(caller(called_element)).deploys(CHILD.replace("work", "work2"), "child", "2")
    story = stage.starts()
    answer = story.reports("call", completion=JobCompletion(called_process=said) if said is not None else None)
    assert (answer.error, answer.state) == ("", WorkState.DONE)
    child = story.called_by("call").instance
    assert (child.bpmn_process_id, child.version) == ("child", version)


def test_the_latest_version_is_the_one_deployed_last_when_the_call_is_made() -> None:
    stage = stage_with(caller("child"))
    story = stage.starts()
    stage.deploys(CHILD.replace("work", "later"), "child", "0")
    story.completes("call").called_by("call").waits_at("later")


@pytest.mark.parametrize(
    ("called_element", "said", "error"),
    [
        ("", None, "expected a called process"),
        ("", CalledProcess(version="1"), "expected the BPMN process ID of a called process"),
        ("", CalledProcess("child"), "expected the version of a called process"),
        ("nobody", None, "process nobody could not be found"),
        ("child:7", None, "process child:7 could not be found"),
        ("", CalledProcess("nobody", "1"), "process nobody:1 could not be found"),
        ("", CalledProcess("startless", "1"), "scope startless has no none start event"),
    ],
)
def test_a_call_of_nothing_is_an_error_of_the_job_and_leaves_nothing_behind(
    called_element: str, said: CalledProcess | None, error: str
) -> None:
    startless = process(line("work:serviceTask"), process_id="startless")
    stage = stage_with(caller(called_element)).deploys(startless, "startless", parallelism=1)
    story = stage.starts()
    completion = JobCompletion(called_process=said) if said is not None else None
    answer = story.reports("call", completion=completion, retry_limit=1)
    assert (answer.error, answer.state) == (error, WorkState.CAUSED_RETRY)
    assert [instance.bpmn_process_id for instance in stage.log.instances()] == ["p"]
    assert not any(queue.active or queue.waiting for _, queue in stage.log.queues())
    story.completes("call", called_process=CalledProcess("child", "1")).called_by("call").waits_at("work")


def test_a_call_that_takes_too_many_steps_leaves_nothing_behind_and_takes_no_place() -> None:
    stages = range(14)  # each of them doubles the tokens
    forks = " ".join(f"f{n}:parallelGateway>a{n}:task>f{n + 1} f{n}>b{n}:task>f{n + 1}" for n in stages)
    endless = process(line(f"s:startEvent>f0 {forks} f14:endEvent"), process_id="endless")
    stage = stage_with(caller("endless")).deploys(endless.replace("parallelGateway", "task"), "endless", parallelism=1)
    story = stage.starts()
    answer = story.reports("call")
    assert answer.state is WorkState.CAUSED_INCIDENT
    assert answer.error.startswith("more than")
    assert [instance.bpmn_process_id for instance in stage.log.instances()] == ["p"]
    assert not any(queue.active or queue.waiting for _, queue in stage.log.queues())


def test_a_called_process_that_waits_for_nothing_returns_at_once() -> None:
    stage = stage_with(caller("short")).deploys(process(line("s:startEvent"), process_id="short"), "short")
    story = stage.starts().completes("call").waits_at("call")
    assert story.job_at("call").type is JobType.PASS_VARIABLES
    assert story.at("call").called == 0
    story.completes("call").completes("after").has_ended()


def test_passing_variables_may_be_tried_again() -> None:
    story = stage_with(caller("child")).starts().completes("call")
    story.called_by("call").completes("work")
    story.fails("call", retry_limit=1)
    assert story.job_at("call").type is JobType.PASS_VARIABLES
    story.fails("call").resolves().completes("call").waits_at("after")


def test_a_process_may_call_itself() -> None:
    stage = Stage().deploys(caller("p"))
    story = stage.starts()
    inner = story.completes("call").called_by("call").waits_at("call")
    innermost = inner.completes("call").called_by("call")
    assert innermost.instance.root_id == story.identity.id


def test_a_process_that_calls_itself_without_end_comes_to_an_incident_and_can_be_canceled() -> None:
    outermost = story = Stage().deploys(caller("p")).starts()
    for _ in range(MOST_CALLERS):
        story = story.completes("call").called_by("call")
    with pytest.raises(ExecutionError, match="more than 100 processes call each other"):
        story.completes("call")
    assert len(story.instance.incidents) == 1
    outermost.is_canceled()
    assert {each.instance.state for each in story.stage.stories()} == {InstanceState.CANCELED}


def test_each_of_several_instances_calls_one_of_its_own() -> None:
    several = f'<callActivity id="call" calledElement="child">{at_once(2)}</callActivity>'
    stage = stage_with(process(line("s:startEvent>call>after:serviceTask"), several))
    story = stage.starts().completes("call").completes("call")
    first, second = stage.stories("child")
    first.completes("work").has_ended()
    story.completes("call").waits_at("call")
    second.completes("work")
    story.completes("call").waits_at("after")


# What ends a call from outside


def tasks_of(stage: Stage, task_type: TaskType) -> list[Task]:
    return [task for _, task in stage.due_tasks() if task.type is task_type]


def three_levels(beside: str) -> tuple[Stage, Story, Story, Story]:
    """Call a process that calls another, from an activity with an event."""
    middle = process(
        line("s:startEvent>call>e:endEvent"), '<callActivity id="call" calledElement="child"/>', process_id="middle"
    )
    stage = stage_with(caller("middle", HANDLED, beside)).deploys(middle, "middle")
    story = stage.starts().completes("call")
    between = story.called_by("call").completes("call")
    return stage, story, between, between.called_by("call").waits_at("work")


def test_a_call_that_is_interrupted_ends_what_it_called_level_by_level() -> None:
    stage, story, between, deep = three_levels(boundary("b", "call", "signal", "stop"))
    stage.sends_signal("stop")
    stage.runs(*stage.due_tasks()[0])
    story.waits_at("handled")
    assert fates(story, "call") == ["TERMINATED"]
    (task,) = tasks_of(stage, TaskType.TERMINATE_PROCESS_INSTANCE)
    assert (task.process_instance_id, task.process_id) == (between.identity.id, between.instance.process_id)
    between.waits_at("call")
    stage.runs(*stage.due_tasks()[0])
    between.has_ended(InstanceState.TERMINATED)
    deep.waits_at("work")
    (task,) = tasks_of(stage, TaskType.TERMINATE_PROCESS_INSTANCE)
    assert (task.process_instance_id, task.process_id) == (deep.identity.id, deep.instance.process_id)
    stage.runs(*stage.due_tasks()[0])
    deep.has_ended(InstanceState.TERMINATED)
    assert not stage.due_tasks()
    story.completes("handled").has_ended()


def test_work_of_a_terminated_instance_is_canceled_when_it_comes() -> None:
    stage, story, _between, deep = three_levels(boundary("b", "call", "signal", "stop"))
    stage.sends_signal("stop")
    stage.runs_due_tasks()
    deep.has_ended(InstanceState.TERMINATED)
    before = len(deep.facts)
    assert deep.reports("work", process_variables=(ProcessVariable("n", text("1")),)).state is WorkState.CANCELED
    assert [type(fact).__name__ for fact in deep.facts[before:]] == ["JobLocked", "JobCanceled"]
    story.waits_at("handled")


def test_a_called_instance_that_completes_before_it_is_told_to_end_asks_nobody_to_pass_variables() -> None:
    stage, story, between, deep = three_levels(boundary("b", "call", "signal", "stop"))
    stage.sends_signal("stop")
    stage.runs(*stage.due_tasks()[0])
    deep.completes("work").has_ended()
    between.completes("call").has_ended()
    assert not [job for job in story.instance.jobs.values() if job.type is JobType.PASS_VARIABLES]
    stage.runs_due_tasks()
    assert between.instance.state is InstanceState.COMPLETED
    story.waits_at("handled")


def test_an_error_of_a_called_process_goes_to_the_activity_that_called_and_no_farther() -> None:
    inner = sub("sub", line("is:startEvent>call"), '<callActivity id="call" calledElement="child"/>')
    stage = stage_with(process(line("s:startEvent>sub"), inner, HANDLED, boundary("b", "sub", "error", "any")))
    story = stage.starts().completes("call")
    answer = story.called_by("call").reports("work", completion=JobCompletion(error_code="E"))
    assert answer.error.endswith("failed to find boundary event for error code E")
    story.waits_at("call").is_armed_with("b")


def test_an_error_of_a_called_process_ends_it_and_the_caller_goes_on_by_a_task() -> None:
    stage = stage_with(caller("child", HANDLED, boundary("b", "call", "error", "E")))
    story = stage.starts().completes("call")
    child = story.called_by("call").completes("work", error_code="E")
    child.has_ended(InstanceState.TERMINATED)
    assert fates(child, "work") == ["TERMINATED"]
    story.waits_at("call").is_armed_with("b")
    assert story.task_at("b").type is TaskType.TRIGGER_EVENT
    assert not story.instance.jobs  # nobody is asked to pass variables on
    assert len(stage.due_tasks()) == 1
    story.runs_task_at("b").waits_at("handled")
    assert (fates(story, "call"), fates(story, "b")) == (["TERMINATED"], ["COMPLETED"])
    assert not stage.due_tasks()


def test_an_error_end_event_of_a_called_process_completes_and_the_rest_of_it_is_terminated() -> None:
    failing = process(
        line("s:startEvent>x s>other:userTask"), event("endEvent", "x", "error", "E"), process_id="failing"
    )
    stage = stage_with(caller("failing", HANDLED, boundary("b", "call", "error", "E"))).deploys(failing, "failing")
    story = stage.starts().completes("call")
    child = story.called_by("call").runs_task_at("x").has_ended(InstanceState.TERMINATED)
    assert (fates(child, "x"), fates(child, "other"), fates(child, "failing")) == (
        ["COMPLETED"],
        ["TERMINATED"],
        ["TERMINATED"],
    )
    story.runs_task_at("b").waits_at("handled")


def test_an_error_of_one_of_several_called_instances_ends_the_others_too() -> None:
    several = f'<callActivity id="call" calledElement="child">{at_once(2)}</callActivity>'
    stage = stage_with(process(line("s:startEvent>call"), several, HANDLED, boundary("b", "call", "error", "E")))
    story = stage.starts().completes("call").completes("call")
    first, second = stage.stories("child")
    first.completes("work", error_code="E").has_ended(InstanceState.TERMINATED)
    story.runs_task_at("b").waits_at("handled")
    stage.runs_due_tasks()
    second.has_ended(InstanceState.TERMINATED)


def test_an_interruption_that_comes_before_the_error_of_the_called_process_is_taken_wins() -> None:
    other = boundary("c", "call", "signal", "stop") + line("c>stopped:serviceTask")
    stage = stage_with(caller("child", HANDLED, boundary("b", "call", "error", "E"), other))
    story = stage.starts().completes("call")
    stage.sends_signal("stop")
    story.called_by("call").completes("work", error_code="E")
    signal, error = (found for found in stage.due_tasks())
    stage.runs(*signal)
    assert stage.runs(*error).state is WorkState.CANCELED
    story.waits_at("stopped")
    assert (fates(story, "b"), fates(story, "c")) == (["TERMINATED"], ["COMPLETED"])
    assert not stage.due_tasks()


# Suspended and limited


def test_a_process_called_while_the_caller_is_suspended_is_suspended_itself() -> None:
    story = stage_with(caller("child")).starts().is_suspended().completes("call")
    child = story.called_by("call").waits_at("s")
    assert child.instance.state is InstanceState.SUSPENDED
    assert not child.instance.jobs
    story.is_resumed()
    assert child.instance.state is InstanceState.SUSPENDED
    child.is_resumed().waits_at("work").completes("work").has_ended()
    story.completes("call").waits_at("after")


def test_suspending_the_caller_leaves_what_it_called_running() -> None:
    story = stage_with(caller("child")).starts().completes("call").is_suspended()
    child = story.called_by("call")
    assert child.instance.state is InstanceState.STARTED
    child.completes("work").has_ended()
    story.completes("call").waits_at("after")
    assert story.state_of("after") is InstanceState.SUSPENDED
    story.is_resumed().completes("after").has_ended()


def limited() -> Stage:
    return Stage().deploys(CHILD, "child", parallelism=1).deploys(caller("child"))


def test_a_call_of_a_limited_process_waits_for_its_turn() -> None:
    stage = limited()
    first, second = stage.starts().completes("call"), stage.starts().completes("call")
    assert second.called_by("call").instance.state is InstanceState.QUEUED
    waiting = second.called_by("call").waits_at("s")
    first.called_by("call").completes("work").has_ended()
    stage.runs_due_tasks()
    waiting.waits_at("work").completes("work").has_ended()
    second.completes("call").waits_at("after")


def test_a_called_instance_that_waits_for_its_turn_is_terminated_with_its_call() -> None:
    stage = Stage().deploys(CHILD, "child", parallelism=1)
    stage.deploys(caller("child", HANDLED, boundary("b", "call", "signal", "stop")))
    first, second = stage.starts().completes("call"), stage.starts().completes("call")
    waiting = second.called_by("call")
    stage.sends_signal("stop")
    stage.runs_due_tasks()
    first.waits_at("handled")
    second.waits_at("handled")
    waiting.has_ended(InstanceState.TERMINATED)
    assert not any(queue.active or queue.waiting for _, queue in stage.log.queues())


def test_an_instance_queued_while_its_parent_is_suspended_starts_when_its_turn_comes() -> None:
    stage = limited()
    first, second = stage.starts().completes("call"), stage.starts().is_suspended().completes("call")
    waiting = second.called_by("call")
    assert waiting.instance.state is InstanceState.QUEUED
    first.called_by("call").completes("work")
    stage.runs_due_tasks()
    waiting.waits_at("work").completes("work").has_ended()


EVENT_SUB = event_sub("own", "error", "E", line("own_start>caught:serviceTask"))
CAREFUL = process(line("s:startEvent>work:serviceTask"), EVENT_SUB, process_id="child")


def test_a_process_called_while_suspended_arms_its_event_sub_processes_on_resume() -> None:
    stage = Stage().deploys(CAREFUL, "child").deploys(caller("child"))
    child = stage.starts().is_suspended().completes("call").called_by("call")
    child.waits_at("s").is_armed_with().is_resumed().waits_at("work").is_armed_with("own")
    child.completes("work", error_code="E").waits_at("caught").completes("caught").has_ended()


def test_a_process_called_while_suspended_is_asked_for_the_code_of_its_event_sub_process_before_it_starts() -> None:
    unknown = CAREFUL.replace('errorRef="error_E"', "")
    stage = Stage().deploys(unknown, "child").deploys(caller("child"))
    child = stage.starts().is_suspended().completes("call").called_by("call").is_resumed().waits_at("s")
    assert child.state_of("child") is InstanceState.CREATED
    child.is_suspended().is_resumed().waits_at("s").is_suspended().completes("own_start").waits_at("s")
    child.is_resumed().waits_at("work").completes("work", error_code="E").waits_at("caught")


def test_a_queued_instance_has_its_start_event_queued_with_it() -> None:
    stage = Stage().deploys(CAREFUL, "child", parallelism=1)
    first, second = stage.starts("child"), stage.starts("child")
    assert [second.state_of(name) for name in ("child", "s")] == [InstanceState.QUEUED] * 2
    first.is_canceled()
    stage.runs_due_tasks()
    assert fates(second, "s") == ["COMPLETED"]
    second.waits_at("work").is_armed_with("own")
