"""Executing due tasks because a client asks for it (contracts/engine.md 2.7)."""

import structlog

from api.engine.bodies import ExecutedTasks
from api.engine.ports import Engine
from api.engine.rows import task_row
from commands.context import Work
from commands.handling import Asker
from commands.tasks import ExecuteTasks, execute_tasks
from domain.identity import partition_of
from domain.rejection import Unavailable
from projections.criteria import Page, TaskCriteria
from projections.tasks.projector import READ_MODEL as TASKS
from projections.tasks.queries import find_tasks
from projections.views import Task

log = structlog.get_logger(__name__)


async def execute(engine: Engine, command: ExecuteTasks, asker: Asker) -> ExecutedTasks:
    """Run the tenant's due tasks that meet the conditions, each in an append of its own."""
    run = await execute_tasks(engine.commands, command, asker, tenant=asker.tenant, retry_limit=engine.task_retry_limit)
    for work, error in run.failed:
        if isinstance(error, Unavailable):
            raise error
        log.error("task failed", stream=work.stream, task=work.id, exc_info=error)
    completed = [task_row(answer) for answer in run.answers]
    failed = await _as_they_are(engine, asker.tenant, [work for work, _ in run.failed])
    return ExecutedTasks(len(completed) + len(failed), len(completed), len(failed), completed, failed)


async def _as_they_are(engine: Engine, tenant: str, works: list[Work]) -> list[Task]:
    """Return the rows of tasks that nothing could be stored about."""
    if not works:
        return []
    await engine.readings.caught_up([TASKS.name])
    now = engine.commands.clock.now()
    rows: list[Task] = []
    for work in works:
        criteria = TaskCriteria(partition=partition_of(work.stream), id=work.id)
        rows += await find_tasks(engine.database, tenant, criteria, Page(limit=1), now)
    return rows
