"""How long jobs wait for workers, for Prometheus."""

from collections.abc import Iterable

from domain.bpmn.instance import Job
from infra.measures import LONG_SECONDS, Spread

WAITED = Spread("annals_job_lock_wait_seconds", "Seconds from when a job was due to its lock.", bounds=LONG_SECONDS)

_add = WAITED.adder()


def note_locked(jobs: Iterable[Job]) -> None:
    """Note how long these have waited, which have just been locked."""
    for job in jobs:
        if job.locked_at is not None:
            waited = (job.locked_at - job.due_at).total_seconds()
            _add(waited if waited > 0 else 0.0)
