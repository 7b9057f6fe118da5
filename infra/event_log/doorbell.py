"""Who waits for new facts is woken by the doorbell. It is a hint: what was not rung for is found by asking the log.

Within a process the writer rings after each commit. Between the nodes of a database a ``DoorbellWire`` carries the
rings: it tells the others at most every 25 ms, on a connection of its own (a commit that notifies waits for all others
that do), and it asks the log itself twice a second, so that a lost ring costs half a second at most.
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
    """``head`` is the highest position this process has heard of."""

    def __init__(self, head: int = 0) -> None:
        self.head = head
        self._rang = asyncio.Event()

    def ring(self, head: int) -> None:
        """Wake everyone who waits for something after a lower position."""
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
        self._known_to_all = 0

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
        await connection.execute("set synchronous_commit = off")  # nothing that is written here need last
        await connection.add_listener(CHANNEL, self._hear)
        while True:
            self._hear_of(await connection.fetchval(HEAD))
            head = await self._doorbell.wait(self._known_to_all, POLLED)
            if head > self._known_to_all:
                self._known_to_all = head
                await connection.execute(NOTIFY, CHANNEL, str(head))
                await asyncio.sleep(COALESCED)

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._hear_of(int(payload))

    def _hear_of(self, head: int) -> None:
        self._known_to_all = max(self._known_to_all, head)
        self._doorbell.ring(head)
