"""Decisions about jobs, tasks and incidents: retries, incidents that arise, are resolved, or are canceled."""

from datetime import timedelta
from typing import Any

import pytest

from commands import incidents, jobs, tasks
from commands.context import Context, Decision, Work
from commands.desk import Held
from commands.incidents import HeldIncident, ResolveIncident
from commands.intents import Data, ElementVariable, EntityId, ProcessVariable
from commands.jobs import CompleteJob, HeldJob
from commands.tasks import HeldTask, RunTask
from domain.bpmn import execution
from domain.bpmn.events import JobCreated, JobFailed, JobLocked, TaskFailed, VariableSet, WorkState
from domain.bpmn.evolution import evolve
from domain.event import Actor
from domain.identity import incident_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.rejection import InvalidInput, InvalidState
from infra.encryption import VariableCipher
from tests.story import Story, bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
FORK_JOIN = bpmn(
    "s:startEvent f:parallelGateway a:serviceTask b:serviceTask j:parallelGateway e:endEvent",
    "s>f f>a f>b a>j b>j j>e",
)
WORKER = Actor("worker", "ada")


def context(story: Story) -> Context:
    return Context(
        tenant="default", actor=WORKER, now=story.now, ids=story.ids, cipher=VariableCipher(()), command_id="c"
    )


def held(story: Story) -> Held:
    unresolved = {stopped.incident: 7 for stopped in story.instance.incidents.values()}
    return Held(story.instance, 1, story.graph, unresolved)


def with_locked_job(element: str = "work", model: str = ONE_TASK) -> tuple[Story, EntityId]:
    story = Story(model)
    job = story.job_at(element)
    evolve(story.instance, JobLocked(job.id), story.now, "ada")
    return story, EntityId(story.instance.partition, job.id)


def complete(story: Story, target: EntityId, command: CompleteJob) -> Decision:
    found = HeldJob(held(story), story.instance.jobs[target.id])
    decision = jobs.decide_complete(command, target, found, context(story))
    story.instance = decision.states[story.instance.identity.stream]
    return decision


def facts(decision: Decision, kind: type[Any]) -> list[Any]:
    return [event for append in decision.appends for event in append.events if isinstance(event, kind)]


def test_a_failed_job_is_tried_again_while_retries_are_left() -> None:
    story, target = with_locked_job()
    decision = complete(story, target, CompleteJob("ada", error="boom", retry_limit=1, retry_timer="PT5M"))
    (again,) = facts(decision, JobCreated)
    assert again.retry_count == 1
    assert again.due_at == story.now + timedelta(minutes=5)
    assert decision.answer.state is WorkState.CAUSED_RETRY
    assert len(decision.appends) == 1


def test_a_job_that_fails_for_good_opens_an_incident_in_the_same_append() -> None:
    story, target = with_locked_job()
    decision = complete(story, target, CompleteJob("ada", error="boom"))
    (failed,) = facts(decision, JobFailed)
    (opened,) = facts(decision, IncidentOpened)
    assert [append.stream for append in decision.appends] == ["instance-2026-11-20-1", incident_stream(failed.incident)]
    assert (opened.title, opened.error_message, opened.severity) == ("work failed in p 1", "boom", 2)
    assert (opened.process.incident_type, opened.process.job_id) == ("failedJob", target.id)
    assert decision.answer.state is WorkState.CAUSED_INCIDENT


def test_resolving_tries_the_job_from_the_first_and_a_new_failure_is_linked_to_the_old_incident() -> None:
    story, target = with_locked_job()
    complete(story, target, CompleteJob("ada", error="boom"))
    ((number, stopped),) = story.instance.incidents.items()
    where = EntityId(story.instance.partition, number)
    decision = incidents.decide_resolve(
        ResolveIncident("ada"), where, HeldIncident(held(story), stopped), context(story)
    )
    (again,) = facts(decision, JobCreated)
    assert (again.retry_count, again.resolved_incident_id) == (0, number)
    assert facts(decision, IncidentResolved) == [IncidentResolved("retry")]
    assert not facts(decision, IncidentCanceled)
    story.instance = decision.states[story.instance.identity.stream]
    assert not story.instance.incidents
    evolve(story.instance, JobLocked(again.id), story.now, "ada")
    second = complete(story, EntityId(story.instance.partition, again.id), CompleteJob("ada", error="boom again"))
    assert facts(second, IncidentOpened)[0].previous_incident == stopped.incident


def test_an_incident_of_a_join_is_canceled_when_another_task_joins_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(FORK_JOIN).completes("a").completes("b")
    first, second = story.instance.tasks.values()
    monkeypatch.setattr(execution, "STEP_BUDGET", 0)
    decision = run(story, first.id)
    (opened,) = facts(decision, IncidentOpened)
    assert facts(decision, TaskFailed)[0].error.startswith("more than 0 steps")
    assert opened.process.incident_type == "failedTask"
    monkeypatch.undo()
    joined = run(story, second.id)
    assert facts(joined, IncidentCanceled) == [IncidentCanceled()]
    story.has_ended()
    assert not story.instance.incidents


def run(story: Story, task_id: int) -> Decision:
    command = RunTask(Work(story.instance.identity, task_id, "default"))
    found = HeldTask(held(story), story.instance.tasks[task_id])
    decision = tasks.decide_run(command, None, found, context(story))
    story.instance = decision.states[story.instance.identity.stream]
    return decision


def test_variables_of_a_failed_job_are_written_and_a_half_done_turn_is_not() -> None:
    model = bpmn("s:startEvent g:exclusiveGateway x:serviceTask y:serviceTask", "s>g g>x g>y")
    story, target = with_locked_job("g", model)
    command = CompleteJob("ada", process_variables=(ProcessVariable("n", Data("text", value="1")),))
    decision = complete(story, target, command)
    assert decision.answer.error == "expected an exclusive gateway decision"
    assert [type(event) for event in decision.appends[0].events] == [VariableSet, JobFailed]


def test_only_the_worker_that_holds_a_job_may_complete_it() -> None:
    story, target = with_locked_job()
    with pytest.raises(InvalidState, match="is not locked by worker bob, but ada"):
        complete(story, target, CompleteJob("bob"))


def test_element_variables_name_a_scope_that_encloses_the_element() -> None:
    story, target = with_locked_job()
    there = ElementVariable("n", Data("text", value="1"), bpmn_element_id="p")
    decision = complete(story, target, CompleteJob("ada", error="e", element_variables=(there,)))
    scope = next(element.id for element in story.instance.elements.values() if element.element == "p")
    assert facts(decision, VariableSet)[0].element_instance_id == scope
    story, target = with_locked_job()
    elsewhere = ElementVariable("n", Data("text", value="1"), bpmn_element_id="q")
    with pytest.raises(InvalidInput, match=r"has no such scopes \[q\], but \[work, p\]"):
        complete(story, target, CompleteJob("ada", element_variables=(elsewhere,)))
