"""Tasks of the engine: retries, incidents and their resolution, in an instance and in streams of their own."""

from datetime import timedelta

import pytest

from commands.context import Work
from commands.incidents import ResolveIncident
from commands.tasks import RunTask
from domain.bpmn.events import InstanceState, TaskType, WorkState
from domain.bpmn.execution import STEP_BUDGET
from tests.bpmn.drawing import event, line, process
from tests.story import TENANT, Stage, Story

FORK_JOIN = process(line("s:startEvent>f:parallelGateway>a:task>j:parallelGateway>after:serviceTask f>b:task>j"))


def doubling(first: str, times: int = 15) -> str:
    """Write tasks that send twice as many tokens on each time, after ``first``: more than a turn has steps for."""
    nodes = "".join(f'<task id="t{n}"/>' for n in range(times))
    flows = f'<sequenceFlow id="in" sourceRef="{first}" targetRef="t0"/>'
    for n in range(times - 1):
        flows += "".join(f'<sequenceFlow id="f{n}{x}" sourceRef="t{n}" targetRef="t{n + 1}"/>' for x in "ab")
    return nodes + flows


SIGNALED = process(event("startEvent", "s", "signal", "go"), doubling("s"))
TIMED = process(event("startEvent", "s", "timer", "PT1H"), doubling("s"))
ENDLESS_JOIN = process(line("s:startEvent>f:parallelGateway>j:parallelGateway f>b:task>j"), doubling("j"))
TOO_MANY = f"more than {STEP_BUDGET} steps"


def runs(stage: Stage, retry_limit: int = 0) -> WorkState:
    """Have the engine run the one task that is due."""
    ((stream, task),) = stage.due_tasks()
    state: WorkState = stage.send(RunTask(Work(stream, task.id, TENANT), retry_limit), by="engine").state
    return state


def test_a_task_whose_instance_cannot_go_on_ends_in_an_incident_of_the_instance() -> None:
    story = Story(ENDLESS_JOIN).waits_at("j", "j")
    stream, task = story.stage.due_tasks()[0]
    answer = story.stage.runs(stream, task)
    assert (answer.state, answer.error.startswith(TOO_MANY)) == (WorkState.CAUSED_INCIDENT, True)
    story.waits_at("j", "j")
    (stopped,) = story.instance.incidents.values()
    assert stopped.task is not None
    assert stopped.task.type is TaskType.JOIN_PARALLEL_GATEWAY


def test_it_is_tried_again_as_often_as_the_deployment_says_each_time_as_a_new_task() -> None:
    stage = Stage().deploys(SIGNALED)
    stage.sends_signal("go")
    assert runs(stage, retry_limit=2) is WorkState.CAUSED_RETRY
    ((_, again),) = stage.due_tasks()
    assert again.retry_count == 1
    assert runs(stage, retry_limit=2) is WorkState.CAUSED_RETRY
    assert runs(stage, retry_limit=2) is WorkState.CAUSED_INCIDENT
    assert stage.due_tasks() == []


@pytest.mark.parametrize("xml", [SIGNALED, TIMED], ids=["signal", "timer"])
def test_a_start_that_cannot_go_on_leaves_no_instance_and_an_incident_without_one(xml: str) -> None:
    stage = Stage().deploys(xml).passes(timedelta(hours=1))
    stage.sends_signal("go")
    assert runs(stage) is WorkState.CAUSED_INCIDENT
    assert stage.stories() == []
    ((_, stopped),) = stage.log.stopped_outside()
    assert (stopped.process_instance_id, stopped.element) == (0, "s")


def test_resolving_the_incident_of_a_start_tries_it_again_from_the_first() -> None:
    stage = Stage().deploys(SIGNALED)
    stage.sends_signal("go")
    runs(stage)
    (incident,) = stage.log.incidents()
    stage.send(ResolveIncident("person"), incident, "person")
    ((_, again),) = stage.due_tasks()
    assert (again.retry_count, stage.log.incidents()) == (0, [])
    assert runs(stage) is WorkState.CAUSED_INCIDENT
    assert len(stage.log.incidents()) == 1


def test_an_incident_of_a_start_that_is_resolved_with_a_timer_is_tried_later() -> None:
    stage = Stage().deploys(SIGNALED)
    stage.sends_signal("go")
    runs(stage)
    stage.send(ResolveIncident("person", "PT1H"), stage.log.incidents()[0], "person")
    assert stage.due_tasks() == []
    assert len(stage.passes(timedelta(hours=1)).due_tasks()) == 1


def test_a_task_whose_target_has_ended_is_canceled() -> None:
    story = Story(FORK_JOIN)
    first, second = story.stage.due_tasks()
    assert story.stage.runs(*first).state is WorkState.DONE
    assert story.stage.runs(*second).state is WorkState.CANCELED
    story.waits_at("after")


def test_a_join_that_cannot_join_yet_is_done() -> None:
    xml = process(line("s:startEvent>f:parallelGateway>a:task>j:parallelGateway f>b:serviceTask>j"))
    story = Story(xml)
    assert runs(story.stage) is WorkState.DONE
    story.waits_at("b", "j").completes("b").runs_all_tasks().has_ended()


def test_a_task_that_somebody_has_run_meanwhile_is_not_run_again() -> None:
    story = Story(FORK_JOIN)
    stream, task = story.stage.due_tasks()[0]
    story.stage.runs(stream, task)
    before = len(story.facts)
    assert story.stage.runs(stream, task) is None
    assert len(story.facts) == before


def test_tasks_of_a_canceled_instance_are_gone_and_those_from_outside_find_it_ended() -> None:
    story = Story(process(line("s:startEvent>c>e:endEvent"), event("intermediateCatchEvent", "c", "signal", "go")))
    story.stage.sends_signal("go")
    story.is_canceled().has_ended(InstanceState.CANCELED)
    assert runs(story.stage) is WorkState.CANCELED


def test_running_a_task_takes_and_does_it_in_one_step_so_that_none_stays_locked() -> None:
    """The reference leaves a task locked that failed unexpectedly; here nothing is recorded of such a try."""
    story = Story(FORK_JOIN)
    stream, task = story.stage.due_tasks()[0]
    done = [type(fact).__name__ for fact in story.facts]
    story.stage.runs(stream, task)
    assert [type(fact).__name__ for fact in story.facts][len(done) :][:2] == ["TaskLocked", "TaskCompleted"]
    assert all(not task.locked_by for task in story.instance.tasks.values())
