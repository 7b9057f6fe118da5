"""Writing the chain of hashes, behind the appends, on one node at a time (docs/audit.md).

No event leaves the database for it: a statement hashes what has come, and adds a row. It takes about 4 ms of a
processor for 1,000 events, and no lock that an append waits for.
"""

import asyncio
import math
from collections.abc import Mapping

import structlog
from prometheus_client import Gauge

from infra.audit.queries import SQL
from infra.following.followers import Bell
from infra.leases import Connections, Held, Lease, fence
from infra.outages import passes

#: The lease under which one node writes the chain.
LEASE = "chain"

#: Events of one row at most, and bytes of them: while they are hashed the lease cannot be renewed.
MOST = 2_000
MOST_BYTES = 64_000_000

#: Seconds from one row to the next where there is not more than one waiting, so that rows are few; seconds until the
#: log is looked at though nobody has rung; seconds until what cannot be chained is looked at again.
REST = 1.0
POLL = 5.0
LONG_REST = 30.0

#: What a fault of ``log.extend_chain`` means.
FAULTS: Mapping[str, str] = {
    "rewound": "the log ends before the chain of hashes: events are gone",
    "changed": "the last event of the chain of hashes is not what it was",
    "missing": "positions are missing behind the chain of hashes",
}

POSITION = Gauge(
    "annals_chain_position", "Position of the last event in the chain of hashes, where this node writes it."
)
LAG = Gauge(
    "annals_chain_lag", "Events between the chain of hashes and the head of the log, where this node writes it."
)
STOPPED = Gauge("annals_chain_stopped", "1 while history contradicts the chain of hashes, which then stands still.")

logger = structlog.get_logger(__name__)


class Chaining:
    """Keeps the chain level with the log while the lease is held; ``trouble`` says why it stands still, if it does."""

    def __init__(self, pool: Connections, lease: Lease, bell: Bell, rest: float = REST) -> None:
        self.trouble = ""
        self._pool = pool
        self._lease = lease
        self._bell = bell
        self._rest = rest
        _unknown()

    async def run(self) -> None:
        """Write until cancelled, whenever this node has the lease."""
        await self._lease.keep(self._follow)

    async def _follow(self, held: Held) -> None:
        try:
            while True:
                await self._round(held)
        finally:
            self.trouble = ""
            _unknown()

    async def _round(self, held: Held) -> None:
        try:
            reached, head = await self._extend(held)
        except Exception as error:
            if not passes(error):
                raise
            logger.warning("the chain of hashes waits for the database", error=repr(error))
            await asyncio.sleep(self._rest)
            return
        if self.trouble:
            await asyncio.sleep(LONG_REST)
        elif head - reached < MOST:
            await asyncio.sleep(self._rest)
            await self._bell.wait(reached, POLL)

    async def _extend(self, held: Held) -> tuple[int, int]:
        """Add a row, if there is something for it; return where the chain and the log end."""
        async with self._pool.acquire() as connection, connection.transaction():
            # A row that a crash takes back is the same when it is written again: the hash depends on the events alone.
            await connection.execute("set local synchronous_commit = off")
            await fence(connection, held)
            reached, head, fault = await connection.fetchrow(SQL["extend"], MOST, MOST_BYTES)
        self.trouble = FAULTS.get(fault, "")
        if self.trouble:
            logger.error("the chain of hashes stands still", reason=self.trouble, position=reached, head=head)
        POSITION.set(reached)
        LAG.set(max(0, head - reached))
        STOPPED.set(bool(self.trouble))
        self._lease.tell(self.trouble)
        return reached, head


def _unknown() -> None:
    """Say nothing of where the chain ends: another node writes it, or none."""
    for gauge in (POSITION, LAG):
        gauge.set(math.nan)
    STOPPED.set(0)
