"""What a node does beside answering requests: until it stops, or until a part of it fails and the rest is to stop."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

#: Seconds until a task that was cancelled and goes on is cancelled again.
CANCEL_AGAIN = 3.0

log = structlog.get_logger(__name__)


class RoleEnded(Exception):
    """A role of this node ended though nobody had asked it to."""


class Roles:
    """Tasks that have no end of their own.

    ``ended`` is done, with ``RoleEnded``, as soon as one of them has ended all the same. A role waits outages of the
    database out by itself, so that is a fault of ours or of the data, and half a node helps nobody: whoever serves is
    to stop then. A supervisor that starts the process anew finds everything as the database has it.
    """

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def running(self, works: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """Run these, by name, until the block ends."""
        tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
        for task in tasks:
            task.add_done_callback(self._report)
        try:
            yield
        finally:
            await _stopped(tasks)
            self.ended.cancel()

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[None]:
        """Break the block off as soon as a role has ended; raise ``RoleEnded`` then."""
        block = asyncio.current_task()
        assert block is not None  # noqa: S101  (this is a coroutine)

        def break_off(ended: "asyncio.Future[None]") -> None:
            if not ended.cancelled():
                block.cancel()

        self.ended.add_done_callback(break_off)
        try:
            yield
        except asyncio.CancelledError:
            if not self._has_ended() or block.uncancel():  # somebody else has asked for it
                raise
            self.ended.result()
        finally:
            self.ended.remove_done_callback(break_off)

    def _has_ended(self) -> bool:
        return self.ended.done() and not self.ended.cancelled()

    def _report(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        log.critical("a role of this node ended", role=task.get_name(), exc_info=error)
        if not self.ended.done():
            self.ended.set_exception(RoleEnded(f"the role {task.get_name()} ended: {error!r}"))
            self.ended.exception()  # there is nobody to look at it where nothing is served


async def _stopped(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel the tasks and wait for their end; one in which the cancellation got lost is cancelled again."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN)
        if left:
            log.warning("still stopping", roles=sorted(task.get_name() for task in left))
