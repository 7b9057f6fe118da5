"""The executor role: runs the engine's own tasks as soon as they are due (contracts/engine.md, decision 3).

It ends expired locks of jobs too, also where clients say when tasks run.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from commands.handling import Asker, Commands
from commands.job_locks import expire_locks
from commands.tasks import ExecuteTasks, execute_tasks
from domain.event import Actor
from domain.rejection import Rejection, Unavailable
from infra.outages import passes

#: Tasks to run at once, and the longest rest between two looks at the database, in seconds. A task made by this
#: process is run at once, one made by another within the rest.
BATCH = 100
LONGEST_REST = 0.25

log = structlog.get_logger()


class Executor:
    """Runs due tasks of every tenant, under the engine's id."""

    def __init__(self, commands: Commands, engine_id: str, retry_limit: int, *, runs_tasks: bool) -> None:
        self._runs_tasks = runs_tasks
        self._commands = commands
        self._asker = Asker(tenant="", actor=Actor("system", engine_id))
        self._retry_limit = retry_limit

    async def run(self, goes_on: Callable[[], None] = lambda: None) -> None:
        """Run tasks until cancelled, and say so each time. An outage is waited out: nothing is lost by it."""
        while True:
            try:
                busy = await expire_locks(self._commands, self._asker, BATCH)
                if self._runs_tasks:
                    busy |= await self._run_due_tasks()
            except Exception as error:
                if not (isinstance(error, Rejection) or passes(error)):
                    raise
                log.warning("tasks wait for the database", error=repr(error))
                await asyncio.sleep(LONGEST_REST)  # whatever there may be to do: it cannot be done now
                continue
            goes_on()
            if not busy:
                await self._rest()

    async def _run_due_tasks(self) -> bool:
        """Run up to a batch; tell whether there may be more that can be run."""
        self._commands.tasks_created.clear()
        run = await execute_tasks(
            self._commands, ExecuteTasks(limit=BATCH), self._asker, tenant=None, retry_limit=self._retry_limit
        )
        for work, error in run.failed:
            if isinstance(error, Unavailable) or passes(error):
                raise error
            log.error("task failed", stream=work.stream, task=work.id, exc_info=error)
        return len(run.answers) == BATCH

    async def _rest(self) -> None:
        """Wait for the next task, or a while; tasks that are left to clients wake nobody."""
        if not self._runs_tasks:
            await asyncio.sleep(LONGEST_REST)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_REST):
                await self._commands.tasks_created.wait()
