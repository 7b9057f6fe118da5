"""Locking jobs for workers and giving them back (contracts/engine.md 2.5)."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from commands.context import Context, Decision, Work, WorkCriteria
from commands.desk import Desk
from commands.failing import due
from commands.handling import Asker, Commands, Outcome
from commands.intents import Intent
from commands.jobs import JobAnswer
from domain.bpmn.events import JobLocked, JobLockExpired, JobUnlocked, WorkState
from domain.bpmn.evolution import evolve
from domain.bpmn.instance import Instance
from domain.event import Append
from domain.identity import InstanceId, Int32, instance_of
from domain.rejection import Rejection

#: Seconds after which who waits for jobs looks again in any case: another node may have created some.
LOOK_AGAIN = 0.25


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


class LockJobsOf(NamedTuple):
    """Lock these jobs of one instance, all or none; ``timeout`` is how long the lock holds (empty: for ever)."""

    instance: InstanceId
    job_ids: tuple[int, ...]
    timeout: str = ""


class UnlockJobsOf(NamedTuple):
    """Unlock these jobs of one instance, if the worker still holds them."""

    instance: InstanceId
    job_ids: tuple[int, ...]


class ExpireLocksOf(NamedTuple):
    """Unlock these jobs of one instance, if their locks have expired."""

    instance: InstanceId
    job_ids: tuple[int, ...]


async def gather_jobs_of(
    command: LockJobsOf | UnlockJobsOf | ExpireLocksOf, _target: None, context: Context, desk: Desk
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
    until = due(context.now, command.timeout) if command.timeout else None
    events = tuple(JobLocked(job_id, until) for job_id in command.job_ids if _holder(instance, job_id) == "")
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


def decide_expire(
    command: ExpireLocksOf, _target: None, gathered: tuple[Instance | None, int], context: Context
) -> Decision:
    """Unlock those of the jobs whose lock has expired; the answer is a list of ``JobAnswer``."""
    instance, version = gathered
    if instance is None:
        return Decision((), [])
    expired = (job_id for job_id in command.job_ids if _has_expired(instance, job_id, context.now))
    return _changed(instance, version, tuple(JobLockExpired(job_id) for job_id in expired), context)


def _has_expired(instance: Instance, job_id: int, now: datetime) -> bool:
    job = instance.jobs.get(job_id)
    return job is not None and job.lock_expires_at is not None and job.lock_expires_at <= now


def _holder(instance: Instance, job_id: int) -> str | None:
    """Return who holds a job, nobody being the empty text; None for one that is not open."""
    job = instance.jobs.get(job_id)
    return job.locked_by if job is not None else None


def _changed(
    instance: Instance, version: int, events: tuple[JobLocked | JobUnlocked | JobLockExpired, ...], context: Context
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
    """Pick due jobs and lock them, at most ``limit``; wait for one to come up where the command says so.

    Raise what went wrong when nothing could be locked for it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + command.request_timeout / 1000
    while True:
        changed = await _kept_while_awaited(commands, asyncio.create_task(_lock_due(commands, command, asker)), asker)
        left = deadline - loop.time()
        if changed.answer or left <= 0 or commands.stopping:
            return changed
        await commands.jobs_created.wait(min(left, LOOK_AGAIN))


async def _kept_while_awaited(commands: Commands, locking: asyncio.Task[JobsChanged], asker: Asker) -> JobsChanged:
    """Return what was locked; give it back when the client has gone away by then, and nobody would know of it."""
    try:
        return await asyncio.shield(locking)
    except asyncio.CancelledError:
        changed = await locking
        for instance, answers in groupby(changed.answer, key=lambda answer: answer.instance.identity):
            await commands.send(UnlockJobsOf(instance, tuple(answer.job.id for answer in answers)), asker)
        raise


async def _lock_due(commands: Commands, command: LockJobs, asker: Asker) -> JobsChanged:
    criteria = WorkCriteria(
        limit=command.limit,
        tenant=asker.tenant,
        partition=command.partition,
        id=command.id,
        process_ids=command.process_ids,
        process_instance_id=command.process_instance_id,
    )
    timeout = command.lock_timeout or commands.job_lock_timeout
    async with commands.due_jobs.picked(criteria) as picked:
        changed = await _each_instance(
            commands, picked, asker, lambda instance, job_ids: LockJobsOf(instance, job_ids, timeout)
        )
        broken = {instance for instance, error in changed.failed if not isinstance(error, Rejection)}
        commands.due_jobs.leave_alone(work for work in picked if instance_of(work.stream) in broken)
    return _with_something_changed(changed)


class LocksExpired(NamedTuple):
    """Whether more locks may have expired; ``failed`` is why some could not be ended."""

    more: bool
    failed: tuple[BaseException, ...]


async def expire_locks(commands: Commands, asker: Asker, limit: int) -> LocksExpired:
    """Unlock jobs of all tenants whose locks have expired."""
    failed: list[BaseException] = []
    expired = await commands.lookups.expired_jobs(commands.clock.now(), limit)
    for tenant, works in groupby(sorted(expired, key=lambda work: work.tenant), key=lambda work: work.tenant):
        changed = await _each_instance(commands, works, asker._replace(tenant=tenant), ExpireLocksOf)
        failed += (error for _, error in changed.failed)
    return LocksExpired(len(expired) == limit, tuple(failed))


async def unlock_jobs(commands: Commands, command: UnlockJobs, asker: Asker) -> JobsChanged:
    """Give back what the worker holds; raise what went wrong when nothing could be given back for it."""
    held = await commands.lookups.locked_jobs(asker.tenant, command.worker_id, command.id, command.partition)
    return _with_something_changed(await _each_instance(commands, held, asker, UnlockJobsOf))


async def _each_instance(
    commands: Commands, work: Iterable[Work], asker: Asker, change: Callable[[InstanceId, tuple[int, ...]], Any]
) -> JobsChanged:
    """Wait for all of them: whoever is told of an error must not hold jobs that nobody told about."""
    by_instance = groupby(sorted(work), key=lambda item: item.stream)
    changes = [change(instance_of(stream), tuple(item.id for item in items)) for stream, items in by_instance]
    results = await asyncio.gather(*(commands.send(change, asker) for change in changes), return_exceptions=True)
    outcomes = [result for result in results if isinstance(result, Outcome)]
    failed = tuple((c.instance, r) for c, r in zip(changes, results, strict=True) if isinstance(r, BaseException))
    answers = [answer for outcome in outcomes for answer in outcome.answer]
    return JobsChanged(answers, max((outcome.position for outcome in outcomes), default=0), failed)


def _with_something_changed(changed: JobsChanged) -> JobsChanged:
    if changed.failed and not changed.answer:
        raise changed.failed[0][1]
    return changed
