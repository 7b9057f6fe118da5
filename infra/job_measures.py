"""How long jobs wait for workers, for Prometheus."""

from collections.abc import Iterable

from domain.bpmn.instance import Job
from infra.measures import LONG_SECONDS, Spread

WAITED = Spread("annals_job_lock_wait_seconds", "Seconds from when a job was due to its lock.", bounds=LONG_SECONDS)


def note_locked(jobs: Iterable[Job]) -> None:
    """Note how long these have waited, which have just been locked."""
    for job in jobs:
        if job.locked_at is not None:
            WAITED.add(max(0.0, (job.locked_at - job.due_at).total_seconds()))
