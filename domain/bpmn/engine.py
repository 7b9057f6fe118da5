"""What can be asked of a process instance: start it, complete its jobs, run its tasks, halt it and let it go on.

Each function records facts on a turn; none knows who asked or how the answer travels.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.bpmn import catching
from domain.bpmn.conditions import Value
from domain.bpmn.events import (
    ElementResumed,
    ElementSuspended,
    InstanceState,
    JobCanceled,
    JobCompleted,
    ProcessInstanceCanceled,
    ProcessInstanceDequeued,
    ProcessInstanceResumed,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    ProcessReturned,
    TaskCanceled,
    TaskCompleted,
    UserTaskCompleted,
    UserTaskUpdated,
    VariableDeleted,
    VariableSet,
)
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.instance import PROCESS_SCOPE, Job, Task, UserTask
from domain.bpmn.intake import Completion, Trigger, VariableChange
from domain.bpmn.propagation import throw_error, throw_escalation


def start(turn: Turn, started: ProcessInstanceStarted, variables: Iterable[VariableChange]) -> None:
    """Begin the instance at its start event; the turn's instance was made from ``started``."""
    turn.record(started)
    change_variables(turn, variables)
    turn.arrive(turn.graph.elements[turn.graph.bpmn_process_id], 0)
    turn.run()


def complete_job(turn: Turn, job: Job, completion: Completion) -> None:
    """Take a worker's result; raise ``ExecutionError`` when the process cannot go on with it."""
    if job.element_instance_id not in turn.instance.elements:
        turn.record(JobCanceled(job.id))
        return
    complete = turn.behaviour(job.element).complete_job
    if complete is None:
        raise ExecutionError(f"element {job.element} has no job to complete")
    turn.record(JobCompleted(job.id))
    complete(turn, job, completion)
    turn.run()


def run_task(turn: Turn, task: Task) -> None:
    """Do what the task is about; raise ``ExecutionError`` when that cannot be done."""
    if task.element_instance_id not in turn.instance.elements:
        turn.record(TaskCanceled(task.id))
        return
    run = turn.behaviour(task.element).run_task
    if run is None:
        raise ExecutionError(f"element {task.element} has no task to run")
    turn.record(TaskCompleted(task.id))
    run(turn, task)
    turn.run()


def suspend(turn: Turn) -> None:
    """Halt the instance and every scope that has tokens; what has begun stays usable (contracts/engine.md 2.4)."""
    turn.record(ProcessInstanceSuspended())
    for scope in [element for element in turn.instance.elements.values() if element.children and element.begun]:
        turn.record(ElementSuspended(scope.id))


def resume(turn: Turn) -> None:
    """Let scopes go on, and tokens that were suspended on arrival enter their elements, in order of their ids."""
    turn.record(ProcessInstanceResumed())
    elements = turn.instance.elements
    # The start event of a process that has not begun itself goes on with that.
    halted = [e for e in elements.values() if e.begun or not e.parent_id or elements[e.parent_id].begun]
    for element in sorted(halted, key=lambda element: element.id):
        if element.state is not InstanceState.SUSPENDED:
            continue
        if element.begun:
            turn.record(ElementResumed(element.id))
            turn.look_at(element.id)
        elif turn.instance.attached_to(element.id):
            turn.proceed(element.id)
        else:
            turn.go_on(element.id)
    turn.run()


def dequeue(turn: Turn) -> None:
    """Start an instance that waited in the queue of its process."""
    turn.record(ProcessInstanceDequeued())
    turn.go_on(min(turn.instance.elements))
    turn.run()


def terminate(turn: Turn) -> None:
    """End an instance whose caller goes on without it."""
    turn.end_instance()


def cancel(turn: Turn) -> None:
    """End an instance, with its jobs and tasks, and the instances that it called, however deep: the innermost first."""
    turns, level = [turn], [turn]
    while level := [*turn.around.called(level)]:
        turns += level
    for inner in reversed(turns):
        _cancel(inner)


def _cancel(turn: Turn) -> None:
    for element in list(turn.instance.elements.values()):
        if element.called:
            turn.record(ProcessReturned(element.id))
    for job_id in list(turn.instance.jobs):
        turn.record(JobCanceled(job_id))
    for task_id in list(turn.instance.tasks):
        turn.record(TaskCanceled(task_id))
    for outermost in [element for element in turn.instance.elements.values() if not element.parent_id]:
        turn.terminate(outermost.id)
    turn.record(ProcessInstanceCanceled())
    turn.around.ended(turn)


def trigger(turn: Turn, element_instance_id: int, cause: Trigger, variables: Iterable[VariableChange] = ()) -> None:
    """Let a message or signal happen to an event that waited for it; its variables are set first."""
    change_variables(turn, variables)
    catching.trigger(turn, element_instance_id, cause)
    turn.run()


class UserTaskUpdate(NamedTuple):
    """What someone does to a user task; at most one of the first three is said. ``tags`` with an empty value go."""

    completed: bool = False
    error_code: str = ""
    escalation_code: str = ""
    tags: Mapping[str, str] = {}


def update_user_task(turn: Turn, user_task: UserTask, update: UserTaskUpdate) -> None:
    """Change, complete or fail a user task (contracts/engine.md 2.14); raise ``ExecutionError`` when nobody catches."""
    tags = {name: value for name, value in {**user_task.tags, **update.tags}.items() if value}
    revision = user_task.revision + 1
    element_instance_id = user_task.element_instance_id
    if update.completed:
        turn.record(UserTaskCompleted(user_task.id, revision, tags))
        turn.complete(element_instance_id)
    else:
        turn.record(UserTaskUpdated(user_task.id, revision, tags))
    code = update.error_code
    if code and not throw_error(turn, element_instance_id, code):
        raise ExecutionError(f"failed to find boundary event for error code {code}")
    code = update.escalation_code
    if code and not throw_escalation(turn, element_instance_id, code):
        raise ExecutionError(f"failed to find boundary event for escalation code {code}")
    turn.run()


def change_variables(turn: Turn, changes: Iterable[VariableChange]) -> None:
    """Set and delete variables; of several changes of one variable the first counts (contracts/engine.md 2.15)."""
    seen: set[tuple[int, str]] = set()
    for change in changes:
        if (change.scope, change.name) in seen:
            continue
        seen.add((change.scope, change.name))
        _change_variable(turn, change)


def _change_variable(turn: Turn, change: VariableChange) -> None:
    known = turn.instance.variables.get(change.scope, {}).get(change.name)
    turn.values[change.scope, change.name] = _plain(change)
    if change.value is None:
        if known is not None:
            turn.record(VariableDeleted(known, change.name, change.scope))
        return
    turn.record(
        VariableSet(
            id=known or turn.ids.next("variable", turn.instance.partition),
            process_id=turn.graph.process_id,
            name=change.name,
            encoding=change.encoding,
            value=change.value,
            encrypted=change.encrypted,
            sealed_for=change.sealed_for,
            element_id=_element_id(turn, change.scope),
            element_instance_id=change.scope,
        )
    )


def _plain(change: VariableChange) -> Value | None:
    """Return what conditions see; what came encrypted with a message or signal they see from the next turn on."""
    value = change.plain if change.encrypted else change.value
    return Value(change.encoding, value) if value is not None else None


def _element_id(turn: Turn, scope: int) -> int:
    return 0 if scope == PROCESS_SCOPE else turn.graph.element_ids[turn.instance.elements[scope].element]
