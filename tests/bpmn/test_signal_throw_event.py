"""Signal throw event: a task sends the signal, then the token goes on (contracts/engine.md 2.10, 2.17)."""

import pytest

from commands.intents import ProcessVariable
from domain.bpmn.events import InstanceState, JobType, TaskType
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn, text

KNOWN = bpmn("s:startEvent t:signalThrow~go e:endEvent", "s>t t>e")
UNKNOWN = bpmn("s:startEvent t:signalThrow e:endEvent", "s>t t>e")
WAITING = bpmn("s:startEvent c:signalCatch~go e:endEvent", "s>c c>e", "w")


def test_it_is_started_with_a_task_and_acts_when_that_runs() -> None:
    stage = Stage().deploys(WAITING, "w").deploys(KNOWN)
    waiting, story = stage.starts("w"), stage.starts().waits_at("t")
    assert (story.state_of("t"), story.instance.jobs) == (InstanceState.STARTED, {})
    assert story.task_at("t").type is TaskType.TRIGGER_EVENT
    story.runs_task_at("t").has_ended()
    waiting.waits_at("c").runs_task_at("c").has_ended()


def test_a_worker_says_the_name_where_neither_deployment_nor_model_does() -> None:
    story = Story(UNKNOWN)
    assert (story.job_at("t").type, story.state_of("t")) == (JobType.SET_SIGNAL_NAME, InstanceState.CREATED)
    with pytest.raises(ExecutionError, match=r"^expected a signal name$"):
        story.completes("t")
    story.resolves().completes("t", signal_name="go").waits_at("t")
    assert story.state_of("t") is InstanceState.STARTED
    story.runs_task_at("t").has_ended()


def test_the_signal_has_no_variables() -> None:
    stage = Stage().deploys(WAITING, "w").deploys(KNOWN)
    waiting = stage.starts("w")
    stage.starts(variables=(ProcessVariable("n", text("1")),))
    stage.runs_due_tasks()
    assert waiting.has_ended().values() == {}


def test_it_starts_instances_and_is_received_in_its_own_instance_too() -> None:
    stage = Stage().deploys(bpmn("s:signalStart~go a:serviceTask", "s>a", "q"), "q")
    stage.deploys(bpmn("s:startEvent f:parallelGateway c:signalCatch~go t:signalThrow~go", "s>f f>c f>t"))
    story = stage.starts()
    stage.runs_due_tasks()
    story.has_ended()
    assert len(stage.stories("q")) == 1


def test_a_process_that_throws_what_starts_it_makes_one_more_with_each_task_and_no_endless_turn() -> None:
    stage = Stage().deploys(bpmn("s:signalStart~go t:signalThrow~go", "s>t"))
    stage.sends_signal("go")
    for _ in range(6):
        stage.runs(*stage.due_tasks()[0])
    assert len(stage.stories()) == 3
