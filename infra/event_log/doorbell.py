"""Who waits for new facts is woken by the doorbell. It is a hint: what was not rung for is found by asking the log.

Within a process the writer rings after each commit. Between the nodes of a database a ``DoorbellWire`` carries the
rings: it tells the others at most every 25 ms, on a connection of its own (a commit that notifies waits for all others
that do), and in silence it asks the log itself twice a second, so that a lost ring costs half a second at most.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

CHANNEL = "annals_head"

#: Rings to other nodes are at least this far apart, in seconds.
COALESCED = 0.025

#: How often the log is asked for its head whether it rang or not, in seconds.
POLLED = 0.5

LONGEST_PAUSE = 5.0

HEAD = "select position from log.head"
NOTIFY = "select pg_notify($1, $2)"

logger = structlog.get_logger(__name__)


class Doorbell:
    """``head`` is the highest position this process has heard of, ``own`` the highest that others are to hear of."""

    def __init__(self, head: int = 0) -> None:
        self.head = head
        self.own = 0
        self._rang = asyncio.Event()

    def ring(self, head: int) -> None:
        """Wake everyone who waits for something after a lower position, here and, over the wire, elsewhere."""
        self.own = max(self.own, head)
        self.hear(head)

    def hear(self, head: int) -> None:
        """Wake everyone here; others know already."""
        if head > self.head:
            self.head = head
            self._rang.set()
            self._rang.clear()

    async def wait(self, after: int, seconds: float) -> int:
        """Return the head as soon as it is beyond ``after``, or when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while self.head <= after:
                    await self._rang.wait()
        except TimeoutError:
            pass
        return self.head


class DoorbellWire:
    """Carries rings between the nodes of one database, on one connection that ``connect`` opens."""

    def __init__(self, doorbell: Doorbell, connect: Callable[[], Awaitable[Any]]) -> None:
        self._doorbell = doorbell
        self._connect = connect
        self._told = 0

    async def run(self) -> None:
        """Carry rings until cancelled; a broken connection is made anew."""
        pause = COALESCED
        while True:
            try:
                connection = await self._connect()
                try:
                    pause = COALESCED
                    await self._carry(connection)
                finally:
                    connection.terminate()
            except Exception as error:  # noqa: BLE001  (whatever it is, followers poll meanwhile)
                logger.warning("the doorbell between nodes is down", error=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _carry(self, connection: Any) -> None:
        doorbell = self._doorbell
        await connection.execute("set synchronous_commit = off")  # nothing that is written here need last
        await connection.add_listener(CHANNEL, self._hear)
        doorbell.hear(await connection.fetchval(HEAD))
        while True:
            if doorbell.own > self._told:
                self._told = doorbell.own
                await connection.execute(NOTIFY, CHANNEL, str(self._told))
                await asyncio.sleep(COALESCED)
            else:
                before = doorbell.head
                if await doorbell.wait(before, POLLED) == before:
                    doorbell.hear(await connection.fetchval(HEAD))

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._doorbell.hear(int(payload))
