"""Executing and unlocking the engine's own tasks."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from commands.context import Context, Decision, Work, WorkCriteria
from commands.desk import Desk, Held
from commands.failing import Retry, fail_engine_task, fail_task
from commands.handling import Asker, Commands, Outcome
from commands.intents import Intent
from commands.states import Versioned
from commands.turns import begun, decided, unit_of
from domain.bpmn import engine
from domain.bpmn.engine_task import EngineTask
from domain.bpmn.events import TaskCanceled, TaskLocked, TaskType, TaskUnlocked, WorkState
from domain.bpmn.execution import ExecutionError
from domain.bpmn.instance import Task
from domain.coordination.correlation import correlated_message
from domain.coordination.triggering import run_engine_task
from domain.coordination.unit_of_work import Question, UnitOfWork
from domain.event import Actor
from domain.identity import InstanceId, Int32, channel_stream, instance_of, partition_of, process_stream, signal_stream
from domain.rejection import Rejection


class ExecuteTasks(Intent, frozen=True):
    """Run up to ``limit`` due tasks that match every given condition (operation ``executeTasks``)."""

    limit: Int32 = 0
    partition: date | None = None
    id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    type: TaskType | None = None


class UnlockTasks(Intent, frozen=True):
    """Give back the tasks that an engine holds (operation ``unlockTasks``)."""

    engine_id: str = ""
    partition: date | None = None
    id: Int32 = 0


class TaskAnswer(NamedTuple):
    """A task, and what became of it; ``error`` says why it failed.

    ``process_instance_id`` is 0 without an instance; of a task that started one, it is that one.
    """

    partition: date
    task: Task
    state: WorkState
    process_instance_id: int = 0
    error: str = ""
    completed_at: datetime | None = None


class RunTask(NamedTuple):
    """Lock one task and do it, in one append. ``retry_limit`` says how often a failing task is tried again."""

    work: Work
    retry_limit: int = 0


class UnlockTask(NamedTuple):
    """Give back one task."""

    work: Work


class HeldTask(NamedTuple):
    """What running a task, or giving it back, is decided on; ``held`` is None for a task with its own stream."""

    task: Task
    held: Held | None
    states: Mapping[str, Versioned]
    answers: Mapping[Question, Any]


async def gather_task(command: RunTask | UnlockTask, _target: None, context: Context, desk: Desk) -> HeldTask | None:
    """Hold the task's stream; None when the task is not there for this: locked to be unlocked, free to be run."""
    stream = command.work.stream
    held: Held | None = None
    task: Task | None = None
    if stream.startswith("task-"):
        state: EngineTask | None = (await desk.hold(stream)).state
        task = state.task if state is not None else None
        if task is not None:
            await _fetch(desk, task, partition_of(stream), context.tenant)
    else:
        instance = await desk.instance(instance_of(stream), context.tenant)
        if instance is not None:
            held, task = await desk.held(instance), instance.tasks.get(command.work.id)
    if task is None or bool(task.locked_by) is not isinstance(command, UnlockTask):
        return None
    return HeldTask(task, held, desk.states, desk.answers)


async def _fetch(desk: Desk, task: Task, partition: date, tenant: str) -> None:
    """Have at hand what a task that came from outside is about, so that deciding need not ask for it bit by bit."""
    bpmn_process_id = task.bpmn_process_id
    if task.process_instance_id:
        instance = await desk.instance(InstanceId(partition, task.process_instance_id), tenant)
        bpmn_process_id = instance.bpmn_process_id if instance is not None else ""
    if bpmn_process_id:
        await desk.look(process_stream(tenant, bpmn_process_id))
    if task.message_id:
        await desk.hold(channel_stream(tenant, task.message_name, task.message_key))
    if task.signal_id:
        await desk.look(signal_stream(task.signal_id))


def decide_run(command: RunTask, _target: None, gathered: HeldTask | None, context: Context) -> Decision:
    """Do the task; the answer is a ``TaskAnswer``, or None when someone else was faster."""
    if gathered is None:
        return Decision(())
    retry = Retry(command.retry_limit, "")
    if gathered.held is None:
        return _run_own(command.work, gathered, retry, context)
    return _run_of_instance(gathered.held, gathered.task, retry, context)


def _run_of_instance(held: Held, task: Task, retry: Retry, context: Context) -> Decision:
    unit, turn = begun(held, context)
    turn.record(TaskLocked(task.id))
    error = ""
    try:
        engine.run_task(turn, task)
        canceled = any(type(event) is TaskCanceled for event in turn.events)
        state = WorkState.CANCELED if canceled else WorkState.DONE
    except ExecutionError as failure:
        error = str(failure)
        unit, turn = begun(held, context)
        turn.record(TaskLocked(task.id))
        state = fail_task(unit, turn, task, error, retry)
    answer = TaskAnswer(turn.instance.partition, _by(task, context), state, turn.instance.id, error, context.now)
    return decided(unit, answer)


def _run_own(work: Work, gathered: HeldTask, retry: Retry, context: Context) -> Decision:
    """Do a task that came from outside an instance: what follows from a message or signal, its sender has caused."""
    task, engine_id = gathered.task, context.actor.id
    actor = None
    if task.message_id or task.signal_id:
        sender = _sender(unit_of(context, gathered.states, gathered.answers), task)
        if sender != engine_id:  # else an event in a process sent it, by a task that the engine ran
            actor = Actor("worker", sender)
            context = msgspec.structs.replace(context, actor=actor)
    locked = TaskLocked(task.id, engine_id if actor is not None else "")
    partition = partition_of(work.stream)
    unit = unit_of(context, gathered.states, gathered.answers)
    unit.record(work.stream, locked)
    error = ""
    try:
        done = run_engine_task(unit, work.stream, partition, task)
        state = WorkState.DONE if done.possible else WorkState.CANCELED
        instance_id = done.instance_id
    except ExecutionError as failure:
        error, instance_id = str(failure), task.process_instance_id
        unit = unit_of(context, gathered.states, gathered.answers)
        unit.record(work.stream, locked)
        state = fail_engine_task(unit, work.stream, partition, task, error, retry)
    run = msgspec.structs.replace(task, locked_at=context.now, locked_by=engine_id)
    return decided(unit, TaskAnswer(partition, run, state, instance_id, error, context.now), actor)


def _sender(unit: UnitOfWork, task: Task) -> str:
    """Return who has sent the message or signal; of a message that was kept, that is not who has created the task."""
    message = None
    if task.message_id:
        message = correlated_message(unit, task.message_name, task.message_key, task.message_id)
    return message.created_by if message is not None else task.created_by


def decide_unlock(command: UnlockTask, _target: None, gathered: HeldTask | None, context: Context) -> Decision:
    """Give the task back; the answer is a ``TaskAnswer``, or None when it was not locked any more."""
    if gathered is None:
        return Decision(())
    task = msgspec.structs.replace(gathered.task, locked_at=None, locked_by="")
    if gathered.held is None:
        unit = unit_of(context, gathered.states)
        unit.record(command.work.stream, TaskUnlocked(task.id))
        answer = TaskAnswer(partition_of(command.work.stream), task, WorkState.CREATED, task.process_instance_id)
        return decided(unit, answer)
    unit, turn = begun(gathered.held, context)
    turn.record(TaskUnlocked(task.id))
    return decided(unit, TaskAnswer(turn.instance.partition, task, WorkState.CREATED, turn.instance.id))


def _by(task: Task, context: Context) -> Task:
    return msgspec.structs.replace(task, locked_at=context.now, locked_by=context.actor.id)


class TasksRun(NamedTuple):
    """What became of the tasks that were picked; ``failed`` are those that nothing could be stored about."""

    answers: tuple[TaskAnswer, ...]
    failed: tuple[tuple[Work, BaseException], ...]


async def execute_tasks(
    commands: Commands, command: ExecuteTasks, asker: Asker, *, tenant: str | None, retry_limit: int
) -> TasksRun:
    """Pick due tasks and run each in an append of its own.

    ``tenant`` None picks tasks of every tenant, as the executor role does. A task that fails with an unexpected error
    stays as it was, is left alone for a while, and does not keep the others from being run.
    """
    criteria = WorkCriteria(
        limit=command.limit,
        tenant=tenant,
        partition=command.partition,
        id=command.id,
        process_ids=(command.process_id,) if command.process_id else (),
        process_instance_id=command.process_instance_id,
        type=command.type,
    )
    async with commands.due_tasks.picked(criteria) as picked:
        results = await asyncio.gather(
            *(commands.send(RunTask(work, retry_limit), _asker_of(asker, work)) for work in picked),
            return_exceptions=True,
        )
        failed = tuple((work, r) for work, r in zip(picked, results, strict=True) if isinstance(r, BaseException))
        commands.due_tasks.leave_alone(work for work, error in failed if not isinstance(error, Rejection))
    answers = (result.answer for result in results if isinstance(result, Outcome))
    return TasksRun(tuple(answer for answer in answers if answer is not None), failed)


def _asker_of(asker: Asker, work: Work) -> Asker:
    """Return who runs a task, in its tenant; one that has a stream of its own was created by the first fact there."""
    causation_id = f"{work.stream}/1" if work.stream.startswith("task-") else None
    return asker._replace(tenant=work.tenant, causation_id=causation_id)


async def unlock_tasks(commands: Commands, command: UnlockTasks, asker: Asker) -> Outcome:
    """Give back what an engine holds; the answer is a list of ``TaskAnswer``."""
    held = await commands.lookups.locked_tasks(asker.tenant, command.engine_id, command.id, command.partition)
    outcomes = [await commands.send(UnlockTask(work), asker) for work in held]
    answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
    return Outcome(answers, max((outcome.position for outcome in outcomes), default=0))
