"""Locking, unlocking and completing jobs."""

import asyncio
from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from commands.context import Context, Decision, Work, WorkCriteria
from commands.desk import Desk, Held
from commands.failing import Retry, fail_job, outcome
from commands.handling import Asker, Commands, Outcome
from commands.intents import Data, ElementVariable, EntityId, Intent, ProcessVariable, Tag, Timer
from commands.turns import decided, element_changes, process_changes, turn_on
from domain.bpmn import engine
from domain.bpmn.events import JobLocked, JobUnlocked, WorkState
from domain.bpmn.execution import Completion, ExecutionError, Turn
from domain.bpmn.instance import Instance, Job, evolve
from domain.event import Append
from domain.identity import InstanceId, Int32
from domain.rejection import InvalidState, NotFound, Rejection


class LockJobs(Intent, frozen=True):
    """Take up to ``limit`` due jobs for a worker (operation ``lockJobs``).

    Two members are ours beyond the contract: ``request_timeout`` is how many milliseconds the answer may wait for a job
    to come up, ``lock_timeout`` the ISO 8601 duration after which the lock expires (empty: the deployment's default).
    """

    limit: Int32 = 0
    worker_id: str = ""
    partition: date | None = None
    id: Int32 = 0
    process_ids: tuple[Int32, ...] = ()
    process_instance_id: Int32 = 0
    request_timeout: Int32 = 0
    lock_timeout: str = ""


class UnlockJobs(Intent, frozen=True):
    """Give back the jobs that a worker holds (operation ``unlockJobs``)."""

    worker_id: str = ""
    partition: date | None = None
    id: Int32 = 0


class CalledProcess(Intent, frozen=True):
    bpmn_process_id: str = ""
    version: str = ""
    correlation_key: str = ""
    tags: tuple[Tag, ...] = ()
    variables: tuple[ProcessVariable, ...] = ()


class JobCompletion(Intent, frozen=True):
    """What the job's type asks for; members that it does not use are ignored.

    ``loop_cardinality`` and ``loop_items`` answer a job ``SET_MULTI_INSTANCE``: how often, or for which items. They are
    ours beyond the contract.
    """

    called_process: CalledProcess | None = None
    error_code: str = ""
    escalation_code: str = ""
    exclusive_gateway_decision: str = ""
    inclusive_gateway_decision: tuple[str, ...] = ()
    message_correlation_key: str = ""
    message_name: str = ""
    signal_name: str = ""
    timer: Timer | None = None
    loop_cardinality: Int32 = 0
    loop_items: tuple[Data, ...] = ()


class CompleteJob(Intent, frozen=True):
    """Report a locked job as done, or as failed when ``error`` is given (operation ``completeJob``)."""

    worker_id: str = ""
    completion: JobCompletion | None = None
    error: str = ""
    retry_limit: Int32 = 0
    retry_timer: str = ""
    element_variables: tuple[ElementVariable, ...] = ()
    process_variables: tuple[ProcessVariable, ...] = ()


class JobAnswer(NamedTuple):
    """A job with the instance it belongs to, and what became of it; ``error`` says why it failed."""

    instance: Instance
    job: Job
    state: WorkState
    error: str = ""
    completed_at: datetime | None = None


class HeldJob(NamedTuple):
    """What completing a job is decided on."""

    held: Held
    job: Job


COMPLETE = "failed to complete job"

#: Characters of an error that are kept: a report of a failure counts however long its text is, but pages of jobs have
#: to fit into memory.
LONGEST_ERROR = 10_000


async def gather_complete(_command: CompleteJob, target: EntityId, context: Context, desk: Desk) -> HeldJob:
    """Hold the job's instance."""
    identity = await desk.lookups.job(context.tenant, target)
    instance = await desk.instance(identity, context.tenant) if identity is not None else None
    job = instance.jobs.get(target.id) if instance is not None else None
    if instance is not None and job is not None:
        return HeldJob(await desk.held(instance), job)
    if await desk.lookups.had_job(context.tenant, target):
        raise InvalidState(COMPLETE, f"job {target} is completed")
    raise NotFound(COMPLETE, f"job {target} could not be found")


def decide_complete(command: CompleteJob, target: EntityId, gathered: HeldJob, context: Context) -> Decision:
    """Take a worker's report: the token goes on, or the job is tried again, or an incident arises."""
    held, job = gathered
    _require_locked(job, target, command.worker_id)
    turn = turn_on(held, context)
    error = command.error[:LONGEST_ERROR]
    beside: tuple[Append, ...] = ()
    if not error:
        try:
            _report(turn, job, command, context)
            engine.complete_job(turn, job, _completion(command.completion))
        except ExecutionError as failure:
            error = str(failure)[:LONGEST_ERROR]
            turn = turn_on(held, context)
    if error:
        _report(turn, job, command, context)
        beside = fail_job(turn, job, error, Retry(command.retry_limit, command.retry_timer))
    answer = JobAnswer(turn.instance.outline(), job, outcome(turn, error, beside), error, context.now)
    return decided(turn, held, answer, beside)


def _require_locked(job: Job, target: EntityId, worker_id: str) -> None:
    if not job.locked_by:
        raise InvalidState(COMPLETE, f"job {target} is not locked")
    if job.locked_by != worker_id:
        raise InvalidState(COMPLETE, f"job {target} is not locked by worker {worker_id}, but {job.locked_by}")


def _report(turn: Turn, job: Job, command: CompleteJob, context: Context) -> None:
    """Record the variables that came with the report; they count even when the job failed."""
    if command.process_variables:
        changes = process_changes(command.process_variables, turn.instance.identity, context)
        engine.change_variables(turn, changes)
    if command.element_variables:
        element_instance_id = job.element_instance_id
        engine.change_variables(
            turn, element_changes(command.element_variables, turn.instance, element_instance_id, context)
        )


def _completion(completion: JobCompletion | None) -> Completion:
    if completion is None:
        return Completion()
    return Completion(completion.exclusive_gateway_decision, completion.error_code, completion.escalation_code)


class LockJobsOf(NamedTuple):
    """Lock these jobs of one instance, all together or none."""

    instance: InstanceId
    job_ids: tuple[int, ...]


class UnlockJobsOf(NamedTuple):
    """Unlock these jobs of one instance, if the worker still holds them."""

    instance: InstanceId
    job_ids: tuple[int, ...]


async def gather_jobs_of(
    command: LockJobsOf | UnlockJobsOf, _target: None, context: Context, desk: Desk
) -> tuple[Instance | None, int]:
    """Hold the instance; None when there is none of this id within the tenant."""
    instance = await desk.instance(command.instance, context.tenant)
    return instance, desk.version(command.instance.stream)


def decide_lock(
    command: LockJobsOf, _target: None, gathered: tuple[Instance | None, int], context: Context
) -> Decision:
    """Lock those of the jobs that are still free; the answer is a list of ``JobAnswer``."""
    instance, version = gathered
    if instance is None:
        return Decision((), [])
    events = tuple(JobLocked(job_id) for job_id in command.job_ids if _holder(instance, job_id) == "")
    return _changed(instance, version, events, context)


def decide_unlock(
    command: UnlockJobsOf, _target: None, gathered: tuple[Instance | None, int], context: Context
) -> Decision:
    """Unlock those of the jobs that the worker holds; the answer is a list of ``JobAnswer``."""
    instance, version = gathered
    if instance is None:
        return Decision((), [])
    own = (job_id for job_id in command.job_ids if _holder(instance, job_id) == context.actor.id)
    return _changed(instance, version, tuple(JobUnlocked(job_id) for job_id in own), context)


def _holder(instance: Instance, job_id: int) -> str | None:
    """Return who holds a job, nobody being the empty text; None for one that is not open."""
    job = instance.jobs.get(job_id)
    return job.locked_by if job is not None else None


def _changed(
    instance: Instance, version: int, events: tuple[JobLocked | JobUnlocked, ...], context: Context
) -> Decision:
    changed = instance.copy()
    for event in events:
        evolve(changed, event, context.now, context.actor.id)
    jobs = [changed.jobs[event.id] for event in events]
    answer = [JobAnswer(changed, job, WorkState.LOCKED if job.locked_by else WorkState.CREATED) for job in jobs]
    stream = changed.identity.stream
    return Decision((Append(stream, version, events),) if events else (), answer, {stream: changed})


class JobsChanged(NamedTuple):
    """What became of jobs of several instances, each instance in an append of its own.

    ``failed`` are instances of which nothing could be changed, and why: they do not keep the others from it.
    """

    answer: list[JobAnswer]
    position: int
    failed: tuple[tuple[InstanceId, BaseException], ...]


async def lock_jobs(commands: Commands, command: LockJobs, asker: Asker) -> JobsChanged:
    """Pick due jobs and lock them, at most ``limit``; what another node took first is left out.

    Raise what went wrong when nothing could be locked for it.
    """
    criteria = WorkCriteria(
        limit=command.limit,
        tenant=asker.tenant,
        partition=command.partition,
        id=command.id,
        process_ids=command.process_ids,
        process_instance_id=command.process_instance_id,
    )
    async with commands.due_jobs.picked(criteria) as picked:
        changed = await _each_instance(commands, picked, asker, LockJobsOf)
        broken = {instance for instance, error in changed.failed if not isinstance(error, Rejection)}
        commands.due_jobs.leave_alone(work for work in picked if work.instance in broken)
    return _with_something_changed(changed)


async def unlock_jobs(commands: Commands, command: UnlockJobs, asker: Asker) -> JobsChanged:
    """Give back what the worker holds; raise what went wrong when nothing could be given back for it."""
    held = await commands.lookups.locked_jobs(asker.tenant, command.worker_id, command.id, command.partition)
    return _with_something_changed(await _each_instance(commands, held, asker, UnlockJobsOf))


async def _each_instance(
    commands: Commands, work: Iterable[Work], asker: Asker, change: type[LockJobsOf | UnlockJobsOf]
) -> JobsChanged:
    """Wait for all of them: whoever is told of an error must not hold jobs that nobody told about."""
    by_instance = groupby(sorted(work), key=lambda item: item.instance)
    changes = [change(instance, tuple(item.id for item in items)) for instance, items in by_instance]
    results = await asyncio.gather(*(commands.send(change, asker) for change in changes), return_exceptions=True)
    outcomes = [result for result in results if isinstance(result, Outcome)]
    failed = tuple((c.instance, r) for c, r in zip(changes, results, strict=True) if isinstance(r, BaseException))
    answers = [answer for outcome in outcomes for answer in outcome.answer]
    return JobsChanged(answers, max((outcome.position for outcome in outcomes), default=0), failed)


def _with_something_changed(changed: JobsChanged) -> JobsChanged:
    if changed.failed and not changed.answer:
        raise changed.failed[0][1]
    return changed
