"""Executing and unlocking the engine's own tasks."""

import asyncio
from datetime import date, datetime
from typing import NamedTuple

from commands.context import Context, Decision, Work, WorkCriteria
from commands.desk import Desk, Held
from commands.failing import Retry, fail_task, outcome
from commands.handling import Asker, Commands, Outcome
from commands.intents import Intent
from commands.turns import decided, turn_on
from domain.bpmn import engine
from domain.bpmn.events import TaskLocked, TaskType, TaskUnlocked, WorkState
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.instance import Instance, Task, replace
from domain.event import Append
from domain.identity import Int32
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
    """A task with the instance it belongs to, and what became of it; ``error`` says why it failed."""

    instance: Instance
    task: Task
    state: WorkState
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
    """What running a task, or giving it back, is decided on."""

    held: Held
    task: Task


async def gather_task(command: RunTask | UnlockTask, _target: None, context: Context, desk: Desk) -> HeldTask | None:
    """Hold the task's instance; None when the task is not there for this: locked to be unlocked, free to be run."""
    instance = await desk.instance(command.work.instance, context.tenant)
    task = instance.tasks.get(command.work.id) if instance is not None else None
    if instance is None or task is None or bool(task.locked_by) is not isinstance(command, UnlockTask):
        return None
    return HeldTask(await desk.held(instance), task)


def decide_run(command: RunTask, _target: None, gathered: HeldTask | None, context: Context) -> Decision:
    """Do the task; the answer is a ``TaskAnswer``, or None when someone else was faster."""
    if gathered is None:
        return Decision(())
    held, task = gathered
    error = ""
    beside: tuple[Append, ...] = ()
    turn = _locked(gathered, context)
    try:
        engine.run_task(turn, task)
    except ExecutionError as failure:
        error = str(failure)
        turn = _locked(gathered, context)
        beside = fail_task(turn, task, error, Retry(command.retry_limit, ""))
    answer = TaskAnswer(turn.instance, _by(task, context), outcome(turn, error, beside), error, context.now)
    return decided(turn, held, answer, beside)


def decide_unlock(_command: UnlockTask, _target: None, gathered: HeldTask | None, context: Context) -> Decision:
    """Give the task back; the answer is a ``TaskAnswer``, or None when it was not locked any more."""
    if gathered is None:
        return Decision(())
    held, task = gathered
    turn = turn_on(held, context)
    turn.record(TaskUnlocked(task.id))
    return decided(turn, held, TaskAnswer(turn.instance, turn.instance.tasks[task.id], WorkState.CREATED))


def _locked(gathered: HeldTask, context: Context) -> Turn:
    turn = turn_on(gathered.held, context)
    turn.record(TaskLocked(gathered.task.id))
    return turn


def _by(task: Task, context: Context) -> Task:
    return replace(task, locked_at=context.now, locked_by=context.actor.id)


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
            *(commands.send(RunTask(work, retry_limit), asker._replace(tenant=work.tenant)) for work in picked),
            return_exceptions=True,
        )
        failed = tuple((work, r) for work, r in zip(picked, results, strict=True) if isinstance(r, BaseException))
        commands.due_tasks.leave_alone(work for work, error in failed if not isinstance(error, Rejection))
    answers = (result.answer for result in results if isinstance(result, Outcome))
    return TasksRun(tuple(answer for answer in answers if answer is not None), failed)


async def unlock_tasks(commands: Commands, command: UnlockTasks, asker: Asker) -> Outcome:
    """Give back what an engine holds; the answer is a list of ``TaskAnswer``."""
    held = await commands.lookups.locked_tasks(asker.tenant, command.engine_id, command.id, command.partition)
    outcomes = [await commands.send(UnlockTask(work), asker) for work in held]
    answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
    return Outcome(answers, max((outcome.position for outcome in outcomes), default=0))
