"""The executor while it cannot reach the database."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from commands.context import Work
from infra.executor import LONGEST_REST, Executor
from tests.models.memory import MemoryLookups
from tests.story import Stage


class LookupsInAnOutage(MemoryLookups):
    """A database that refuses every connection at once; nobody needs to ask it often."""

    asked = 0

    async def expired_jobs(self, now: datetime, limit: int) -> Sequence[Work]:
        self.asked += 1
        if self.asked > 10:
            raise AssertionError("asked again and again, without a rest")
        raise ConnectionRefusedError("the database does not answer")


async def test_an_outage_leaves_the_node_time_for_others_though_there_is_something_to_do() -> None:
    stage = Stage()
    lookups = LookupsInAnOutage(stage.log)
    stage.commands.lookups = lookups
    stage.commands.tasks_created.set()
    running = asyncio.create_task(Executor(stage.commands, "engine", 0, runs_tasks=True).run())
    await asyncio.sleep(LONGEST_REST / 5)
    assert lookups.asked == 1
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
