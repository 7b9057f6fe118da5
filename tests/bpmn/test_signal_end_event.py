"""Signal end event: a task sends the signal, then the token ends (contracts/engine.md 2.10, 2.17)."""

import pytest

from domain.bpmn.events import InstanceState, JobType
from domain.bpmn.execution import ExecutionError
from tests.story import Stage, Story, bpmn

WAITING = bpmn("s:startEvent c:signalCatch~go e:endEvent", "s>c c>e", "w")


def test_it_is_started_with_a_task_and_the_instance_ends_when_that_has_run() -> None:
    stage = Stage().deploys(WAITING, "w").deploys(bpmn("s:startEvent e:signalEnd~go", "s>e"))
    waiting, story = stage.starts("w"), stage.starts().waits_at("e")
    assert story.state_of("e") is InstanceState.STARTED
    story.runs_task_at("e").has_ended()
    waiting.runs_task_at("c").has_ended()


def test_a_worker_says_the_name_where_neither_deployment_nor_model_does() -> None:
    story = Story(bpmn("s:startEvent e:signalEnd", "s>e"))
    assert story.job_at("e").type is JobType.SET_SIGNAL_NAME
    with pytest.raises(ExecutionError, match=r"^expected a signal name$"):
        story.completes("e")
    story.resolves().completes("e", signal_name="go").runs_task_at("e").has_ended()


def test_it_ends_its_own_token_and_no_other() -> None:
    story = Story(bpmn("s:startEvent f:parallelGateway a:serviceTask e:signalEnd~go", "s>f f>a f>e"))
    story.runs_all_tasks().waits_at("a").completes("a").has_ended()
