"""Wake-ups between nodes over Redis, where it is configured: it takes the place of the log's own wire, which notifies.

Redis carries hints and nothing else. A node tells the others where the log ends after it has appended, at most every
25 ms, outside of any commit. Whoever hears of an end beyond the one it knows asks the log itself, and believes only
that; it asks twice a second anyway. So whatever is said on the channel brings a question forward at most, and whatever
is not said, because Redis is gone, frozen or deaf, leaves it to its time.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from infra.event_log.doorbell import COALESCED, HEAD, LONGEST_PAUSE, POLLED, Doorbell
from infra.redis_client import redis_client
from infra.redis_measures import UP

#: Seconds to wait for Redis when it is connected to, asked something or left.
PATIENCE = 1.0

#: After so many seconds without a word it is asked whether it is there; without an answer in as many more, it is not.
SILENCE = 5.0

#: Channels know no databases of Redis. This name is another one for each database of PostgreSQL, and stays the same
#: when a replica takes over.
CHANNEL = """
select 'annals:head:' || system_identifier || ':' || oid
  from pg_control_system(), pg_database
 where datname = current_database()
"""

POSITION = re.compile(rb"\d{1,19}")

logger = structlog.get_logger(__name__)


class Database(Protocol):
    """A pool of connections to the database of the log."""

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class RedisWire:
    """Carries rings between the nodes of one database, over a Redis. Raise ``InvalidSetting`` for a URL of none."""

    def __init__(self, doorbell: Doorbell, database: Database, url: str) -> None:
        self._doorbell = doorbell
        self._database = database
        self._url = url
        self._news = asyncio.Event()
        up = UP.labels("doorbell").set
        self._outage = _Outage("the doorbell between nodes is down", "the doorbell between nodes is up again", up)
        self._outage_of_log = _Outage("the log does not say where it ends", "the log says again where it ends")
        self._noisy = False
        redis_client(url)  # a URL of none is told of before anything runs

    async def run(self) -> None:
        """Carry rings until cancelled; a broken connection is made anew."""
        await _together(self._ask(), self._stay_connected())

    async def _ask(self) -> None:
        """Ask the log where it ends: when there is news of it, and in silence too."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLLED):
                    await self._news.wait()
            self._news.clear()
            try:
                self._doorbell.hear(await self._database.fetchval(HEAD))
            except Exception as error:  # noqa: BLE001  (whatever it is, it is asked again)
                self._outage_of_log.begins(error)
            else:
                self._outage_of_log.ends()
            await asyncio.sleep(COALESCED)

    async def _stay_connected(self) -> None:
        pause = COALESCED
        while True:
            began = _now()
            try:
                await self._carry()
            except Exception as error:  # noqa: BLE001  (whatever it is, followers poll meanwhile)
                self._outage.begins(error)
            if _now() - began > LONGEST_PAUSE:
                pause = COALESCED
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _carry(self) -> None:
        """Tell and hear over new connections, until one of them breaks."""
        channel = await self._database.fetchval(CHANNEL)
        async with _connection(self._url) as redis, redis.pubsub() as ear:
            async with asyncio.timeout(PATIENCE):
                await ear.subscribe(channel)
            await _together(self._hear(ear), self._tell(redis, channel))

    async def _tell(self, redis: Redis, channel: str) -> None:
        doorbell = self._doorbell
        told = 0
        while True:
            if doorbell.own > told:
                told = doorbell.own
                async with asyncio.timeout(PATIENCE):
                    await redis.publish(channel, told)
                await asyncio.sleep(COALESCED)
            else:
                await doorbell.wait(doorbell.head, POLLED)

    async def _hear(self, ear: PubSub) -> None:
        asked = False
        while True:
            message = await ear.get_message(timeout=SILENCE)
            if message is not None:
                asked = False
                self._weigh(message)
                await asyncio.sleep(0)  # messages that are there already are read without a pause
            elif asked:
                raise ConnectionError("no sign of life")
            else:
                asked = True
                async with asyncio.timeout(PATIENCE):
                    await ear.ping()

    def _weigh(self, message: Any) -> None:
        """Take note of what Redis says: somebody's message, or an answer to us, which shows that it is there."""
        data = message["data"]
        if message["type"] != "message":
            self._outage.ends()
        elif POSITION.fullmatch(data):
            if int(data) > self._doorbell.head:
                self._news.set()
        elif not self._noisy:
            self._noisy = True
            logger.warning("somebody else publishes on the channel of the doorbell", channel=message["channel"])


class _Outage:
    """Of something that is tried again and again: said when it begins and when it ends, not at every attempt.

    ``tell`` is told at each attempt whether it came to something, by 1 or 0.
    """

    def __init__(self, begun: str, over: str, tell: Callable[[float], None] = lambda _up: None) -> None:
        self._begun = begun
        self._tell = tell
        self._over = over
        self._lasts = False

    def begins(self, error: Exception) -> None:
        self._tell(0)
        if not self._lasts:
            logger.warning(self._begun, error=repr(error))
        self._lasts = True

    def ends(self) -> None:
        self._tell(1)
        if self._lasts:
            logger.info(self._over)
        self._lasts = False


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Run these until one of them fails.

    Not a task group: before Python 3.13 one may lose a cancellation that comes together with a failure, and does not
    pass on a second one.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[Redis]:
    redis = redis_client(url, PATIENCE)
    try:
        yield redis
    finally:
        await asyncio.shield(redis.aclose())  # a cancellation now would leave sockets open


def _now() -> float:
    return asyncio.get_running_loop().time()
