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
from infra.leases import GiveWay, go_on
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

    async def run(self, goes_on: Callable[[], None] = lambda: None, give_way: GiveWay = go_on) -> None:
        """Run tasks until cancelled, and say so each time. An outage is waited out: nothing is lost by it.

        ``give_way`` is told why work could not be done, beside the rest of it.
        """
        while True:
            try:
                busy, failed = await expire_locks(self._commands, self._asker, BATCH)
                if self._runs_tasks:
                    more, failing = await self._run_due_tasks()
                    busy, failed = busy or more, failed + failing
            except Exception as error:
                if not (isinstance(error, Rejection) or passes(error)):
                    raise
                log.warning("tasks wait for the database", error=repr(error))
                await asyncio.sleep(LONGEST_REST)  # whatever there may be to do: it cannot be done now
                continue
            goes_on()
            for failure in failed:
                await give_way(failure)
            if not busy:
                await self._rest()

    async def _run_due_tasks(self) -> tuple[bool, tuple[BaseException, ...]]:
        """Run up to a batch; tell whether there may be more that can be run, and why some could not."""
        self._commands.tasks_created.clear()
        run = await execute_tasks(
            self._commands, ExecuteTasks(limit=BATCH), self._asker, tenant=None, retry_limit=self._retry_limit
        )
        for work, error in run.failed:
            if isinstance(error, Unavailable) or passes(error):
                raise error
            log.error("task failed", stream=work.stream, task=work.id, exc_info=error)
        return len(run.answers) == BATCH, tuple(error for _, error in run.failed)

    async def _rest(self) -> None:
        """Wait for the next task, or a while; tasks that are left to clients wake nobody."""
        if not self._runs_tasks:
            await asyncio.sleep(LONGEST_REST)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_REST):
                await self._commands.tasks_created.wait()
