"""Doing the tasks of the engine that come from outside an instance (contracts/engine.md 2.7, 2.9-2.11)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from domain.bpmn import engine
from domain.bpmn.events import InstanceState, TaskCanceled, TaskCompleted, TaskType
from domain.bpmn.instance import PROCESS_SCOPE, Task
from domain.bpmn.intake import Trigger, VariableChange
from domain.bpmn.timers import comes_again, due_at
from domain.coordination.correlation import close_message, correlated_message
from domain.coordination.engine_tasks import create_start_task, create_task
from domain.coordination.starting import NewInstance, dequeue, next_in_queue, start_instance
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId, signal_stream
from domain.messaging.events import MessageSent, SentVariable, SignalSent
from domain.messaging.receivers import StartDefinition


class Done(NamedTuple):
    """Whether a task was still possible, and the instance that it is about or has started, 0 if none."""

    possible: bool = True
    instance_id: int = 0


def run_engine_task(unit: UnitOfWork, stream: str, partition: date, task: Task) -> Done:
    """Do a task that has a stream of its own; raise ``ExecutionError`` when that cannot be done."""
    if task.type is TaskType.DEQUEUE_PROCESS_INSTANCE:
        _dequeue(unit, partition, task)
        done = Done()
    elif task.process_instance_id:
        instance = InstanceId(partition, task.process_instance_id)
        done = Done(_about_instance(unit, instance, task), instance.id)
    else:
        done = Done(instance_id=_start(unit, partition, task))
    if done.possible:
        started = 0 if task.process_instance_id else done.instance_id
        unit.record(stream, TaskCompleted(task.id, started))
    else:
        unit.record(stream, TaskCanceled(task.id))
    return done


def _dequeue(unit: UnitOfWork, partition: date, task: Task) -> None:
    """Let one instance start, and leave the next, if there is one with a place, to another task."""
    dequeue(unit, task.bpmn_process_id)
    if next_in_queue(unit, task.bpmn_process_id) is not None:
        create_task(unit, task.type, partition, task.process_id, bpmn_process_id=task.bpmn_process_id)


def _about_instance(unit: UnitOfWork, instance: InstanceId, task: Task) -> bool:
    """Start, end or trigger; False when that is no longer possible."""
    turn = unit.turn(instance)
    match task.type:
        case TaskType.START_PROCESS_INSTANCE:
            possible = turn.instance.state is InstanceState.QUEUED
            if possible:
                engine.dequeue(turn)
        case TaskType.TERMINATE_PROCESS_INSTANCE:
            possible = not turn.instance.has_ended
            if possible:
                engine.terminate(turn)
        case _:
            possible = task.element_instance_id in turn.instance.elements
            if possible:
                cause = Trigger(message_id=task.message_id, signal_id=task.signal_id)
                engine.trigger(turn, task.element_instance_id, cause, _variables(unit, task))
            if task.message_id:
                close_message(unit, task.message_name, task.message_key, task.message_id)
    return possible


def _start(unit: UnitOfWork, partition: date, task: Task) -> int:
    """Start an instance at its start event and return its id; a timer of an older version starts none any more."""
    graph = unit.graph(task.bpmn_process_id, task.version)  # from here on the process is known as late as that version
    if task.timer is not None and unit.process(task.bpmn_process_id).latest != task.version:
        return 0
    message = _message(unit, task)
    lasting = message is None or message.lasting
    new = NewInstance(
        correlation_key="" if lasting else task.message_key,
        variables=lambda _identity: _variables(unit, task),
        start_event=task.element,
        message_id=0 if lasting else task.message_id,
        message_name="" if lasting else task.message_name,
    )
    turn = start_instance(unit, graph, partition, new)
    if message is not None and lasting:
        close_message(unit, task.message_name, task.message_key, task.message_id)
    if task.timer is not None and task.timer.cycle and comes_again(task.timer, task.due_at):
        _set_again(unit, task, due_at(task.timer, task.due_at))
    return turn.instance.id


def _set_again(unit: UnitOfWork, task: Task, due: datetime) -> None:
    """Leave the next time of a cycle to another task: it follows the last one, whether that is over already or not."""
    start = StartDefinition(task.process_id, task.bpmn_process_id, task.version, task.element_id, task.element)
    create_start_task(unit, start, due, timer=task.timer)


def _message(unit: UnitOfWork, task: Task) -> MessageSent | None:
    if not task.message_id:
        return None
    message = correlated_message(unit, task.message_name, task.message_key, task.message_id)
    return message.sent if message is not None else None


def _variables(unit: UnitOfWork, task: Task) -> Iterable[VariableChange]:
    """Return the variables that came with the message or signal."""
    if task.signal_id:
        signal: SignalSent | None = unit.state(signal_stream(task.signal_id))
        return _changes(signal.variables if signal is not None else (), signal_stream(task.signal_id))
    message = _message(unit, task)
    return _changes(message.variables if message is not None else (), f"message-{task.message_id}")


def _changes(variables: Iterable[SentVariable], origin: str) -> list[VariableChange]:
    return [
        VariableChange(
            PROCESS_SCOPE,
            variable.name,
            variable.encoding,
            variable.value,
            variable.encrypted,
            origin if variable.encrypted else "",
        )
        for variable in variables
    ]
