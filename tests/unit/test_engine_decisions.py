"""Decisions about jobs, tasks and incidents: retries, incidents that arise, are resolved, or are canceled."""

from datetime import timedelta
from typing import Any

import pytest

from commands.intents import Data, ElementVariable, EntityId, ProcessVariable
from commands.job_locks import LockJobsOf
from commands.jobs import CompleteJob, JobAnswer
from domain.bpmn import execution
from domain.bpmn.events import JobCreated, JobFailed, TaskFailed, VariableSet, WorkState
from domain.bpmn.execution import ExecutionError
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.rejection import InvalidInput, InvalidState
from tests.story import Story, bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
FORK_JOIN = bpmn(
    "s:startEvent f:parallelGateway a:serviceTask b:serviceTask j:parallelGateway e:endEvent",
    "s>f f>a f>b a>j b>j j>e",
)


def told(story: Story, kind: type[Any]) -> list[Any]:
    """Return all facts of a kind, of all streams."""
    return [fact.event for fact in story.stage.log.facts if isinstance(fact.event, kind)]


def incident_facts(story: Story, ulid: str) -> list[Event]:
    return [fact.event for fact in story.stage.log.streams[incident_stream(ulid)]]


def locked(story: Story, element: str = "work") -> EntityId:
    """Have a worker lock the job at an element; return which it is."""
    job = story.job_at(element)
    story.stage.send(LockJobsOf(story.identity, (job.id,)), by="ada")
    return EntityId(story.identity.partition, job.id)


def complete(story: Story, target: EntityId, by: str = "ada", **given: Any) -> JobAnswer:
    answer: JobAnswer = story.stage.send(CompleteJob(by, **given), target, by)
    return answer


def test_a_failed_job_is_tried_again_while_retries_are_left() -> None:
    story = Story(ONE_TASK)
    answer = complete(story, locked(story), error="boom", retry_limit=1, retry_timer="PT5M")
    again = story.job_at("work")
    assert (again.retry_count, again.created_by) == (1, "ada")
    assert again.due_at == story.stage.clock.now() + timedelta(minutes=5)
    assert answer.state is WorkState.CAUSED_RETRY
    assert not told(story, IncidentOpened)


def test_a_job_that_fails_for_good_opens_an_incident_in_the_same_append() -> None:
    story = Story(ONE_TASK)
    target = locked(story)
    answer = complete(story, target, error="boom")
    (failed,) = told(story, JobFailed)
    (opened,) = incident_facts(story, failed.incident)
    last, before = story.stage.log.facts[-1], story.stage.log.facts[-2]
    assert [before.stream, last.stream] == [story.identity.stream, incident_stream(failed.incident)]
    assert before.correlation_id == last.correlation_id
    assert isinstance(opened, IncidentOpened)
    assert opened.process is not None
    assert (opened.title, opened.error_message, opened.severity) == ("work failed in p 1", "boom", 2)
    assert (opened.process.incident_type, opened.process.job_id) == ("failedJob", target.id)
    assert answer.state is WorkState.CAUSED_INCIDENT


def test_resolving_tries_the_job_from_the_first_and_a_new_failure_is_linked_to_the_old_incident() -> None:
    story = Story(ONE_TASK)
    complete(story, locked(story), error="boom")
    ((number, stopped),) = story.instance.incidents.items()
    story.resolves()
    again = told(story, JobCreated)[-1]
    assert (again.retry_count, again.resolved_incident_id) == (0, number)
    assert incident_facts(story, stopped.incident)[1:] == [IncidentResolved("retry")]
    assert not story.instance.incidents
    complete(story, locked(story), error="boom again")
    assert told(story, IncidentOpened)[-1].previous_incident == stopped.incident


def test_an_incident_of_a_join_is_canceled_when_another_task_joins_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(FORK_JOIN).completes("a").completes("b")
    monkeypatch.setattr(execution, "STEP_BUDGET", 0)
    with pytest.raises(ExecutionError, match="more than 0 steps"):
        story.runs_task_at("j")
    (failed,) = told(story, TaskFailed)
    opened = incident_facts(story, failed.incident)[0]
    assert isinstance(opened, IncidentOpened)
    assert opened.process is not None
    assert opened.process.incident_type == "failedTask"
    monkeypatch.undo()
    story.runs_task_at("j").has_ended()
    assert incident_facts(story, failed.incident)[1:] == [IncidentCanceled()]
    assert not story.instance.incidents


def test_variables_of_a_failed_job_are_written_and_a_half_done_turn_is_not() -> None:
    story = Story(bpmn("s:startEvent g:exclusiveGateway x:serviceTask y:serviceTask", "s>g g>x g>y"))
    target = locked(story, "g")
    before = len(story.facts)
    answer = complete(story, target, process_variables=(ProcessVariable("n", Data("text", value="1")),))
    assert answer.error == "expected an exclusive gateway decision"
    assert [type(event) for event in story.facts[before:]] == [VariableSet, JobFailed]


def test_only_the_worker_that_holds_a_job_may_complete_it() -> None:
    story = Story(ONE_TASK)
    target = locked(story)
    with pytest.raises(InvalidState, match="is not locked by worker bob, but ada"):
        complete(story, target, by="bob")


def test_element_variables_name_a_scope_that_encloses_the_element() -> None:
    story = Story(ONE_TASK)
    there = ElementVariable("n", Data("text", value="1"), bpmn_element_id="p")
    complete(story, locked(story), error="e", element_variables=(there,))
    assert told(story, VariableSet)[0].element_instance_id == story.at("p").id
    story = Story(ONE_TASK)
    elsewhere = ElementVariable("n", Data("text", value="1"), bpmn_element_id="q")
    with pytest.raises(InvalidInput, match=r"has no such scopes \[q\], but \[p, work\]"):
        complete(story, locked(story), element_variables=(elsewhere,))
