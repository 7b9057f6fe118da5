"""The transactions of deliveries: one at a time, each only while the lease is held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from infra.event_log.log import Reads
from infra.leases import Connections, Held, fence


class Pool(Reads, Connections, Protocol):
    """A pool of connections, which can be asked directly too."""


class Writing:
    """Opens transactions. One at a time is enough, and none waits for rows that another has locked."""

    def __init__(self, pool: Pool, held: Held) -> None:
        self._pool = pool
        self._held = held
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Open a transaction; raise ``LeaseLost`` where nothing may be written any more."""
        async with self._turn, self._pool.acquire() as session, session.transaction():
            await fence(session, self._held)
            yield session
