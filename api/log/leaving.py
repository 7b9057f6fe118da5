"""Clients that go away while they are waited with: nothing is done for them any longer, and their seats are free."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from litestar.types import Receive

Done = TypeVar("Done")


async def unless_gone(work: Awaitable[Done], receive: Receive) -> Done | None:
    """Return what the work comes to; None, with the work broken off, when the client goes away before that."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, gone):
            one.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await one


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
