"""The jobs of workers: locking, completing, giving back, finding."""

import structlog
from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.batches import batch_answer
from api.engine.bodies import CompletedJob, LockedJobs, Results, Unlocked
from api.engine.operations import About, Call, page_of, patch, post, worker
from api.engine.rows import job_row
from api.identity import READ, WORK
from commands.batches import CompleteJobs, complete_jobs
from commands.job_locks import JobsChanged, LockJobs, UnlockJobs, lock_jobs, unlock_jobs
from commands.jobs import CompleteJob, JobAnswer
from infra.job_measures import note_locked
from projections.criteria import JobCriteria
from projections.jobs.projector import READ_MODEL as JOBS
from projections.jobs.queries import find_jobs
from projections.views import Job

log = structlog.get_logger(__name__)


class Jobs(Controller):
    """``/jobs``."""

    path = "/jobs"
    tags = ("jobs",)

    @post(
        "/lock",
        operation_id="lockJobs",
        opt={"access": WORK},
        about=About("Take due jobs for a worker", LockJobs, LockedJobs),
    )
    async def lock(self, request: Call) -> Answer:
        command = await request.body(LockJobs)
        locking = lock_jobs(request.engine.commands, command, request.asker(worker(command.worker_id)))
        changed = await (request.while_there(locking) if command.request_timeout else locking)
        if changed is None:  # nobody is there any more to read an answer
            return json_answer(200, LockedJobs(0, []))
        _tell_of_failed(changed)
        note_locked(answer.job for answer in changed.answer)
        jobs = [job_row(answer) for answer in changed.answer]
        return json_answer(200, LockedJobs(len(jobs), jobs), changed.position)

    @patch(
        "/{partition:str}/{id:str}/complete",
        operation_id="completeJob",
        opt={"access": WORK},
        about=About("Report a locked job as done or as failed", CompleteJob, Job, refuses=(404, 409), once=True),
    )
    async def complete(self, request: Call) -> Answer:
        target, command = request.entity, await request.body(CompleteJob)
        outcome = await request.send(command, worker(command.worker_id), target)
        return json_answer(200, job_row(outcome.answer), outcome.position)

    @post(
        "/complete",
        operation_id="completeJobs",
        opt={"access": WORK},
        about=About(
            "Report many locked jobs as done or as failed",
            CompleteJobs,
            Results[CompletedJob],
            once=True,
        ),
    )
    async def complete_many(self, request: Call) -> Answer:
        command = await request.body(CompleteJobs)
        batch = await complete_jobs(request.engine.commands, command, request.asker_once(request.caller.actor, command))
        return batch_answer(batch, _completed, lambda problem: CompletedJob(problem=problem))

    @post(
        "/unlock",
        operation_id="unlockJobs",
        opt={"access": WORK},
        about=About("Give back jobs that a worker holds", UnlockJobs, Unlocked),
    )
    async def unlock(self, request: Call) -> Answer:
        command = await request.body(UnlockJobs)
        changed = await unlock_jobs(request.engine.commands, command, request.asker(worker(command.worker_id)))
        _tell_of_failed(changed)
        return json_answer(200, Unlocked(len(changed.answer)), changed.position)

    @post(
        "/query",
        operation_id="queryJobs",
        opt={"access": READ},
        about=About("Find jobs", JobCriteria, Results[Job], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(JobCriteria)
        position = await request.caught_up(JOBS)
        rows = await find_jobs(request.engine.database, request.caller.tenant, criteria, page, request.now)
        return page_of(rows, position)


def _completed(answer: JobAnswer) -> CompletedJob:
    return CompletedJob(job=job_row(answer))


def _tell_of_failed(changed: JobsChanged) -> None:
    """Log what the answer leaves out."""
    for instance, error in changed.failed:
        log.error("jobs of an instance could not be changed", instance=str(instance), exc_info=error)
