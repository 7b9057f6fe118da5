"""The buckets of all nodes together, in a Redis: one script counts a request, so that no two are counted as one.

Redis is believed only as far as it is stricter than this node itself, which counts along what passes it. So when Redis
is gone, frozen, full, flushed or holds nonsense, each node lets pass what the limit allows to one: nobody is kept out
because of our outage, and nobody is let in without a limit. A Redis that fails is asked by one request now and then,
until it answers; the others do not wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from redis.exceptions import RedisError

from infra.rate_limits.buckets import Counts, Taken, minute_of
from infra.redis_client import Availability, redis_client

#: Seconds that a request waits for Redis.
PATIENCE = 0.5

#: Requests that ask Redis at once; others wait for their turn, within their patience.
AT_ONCE = 16

#: A count lives longer than its minute, by as much as clocks of nodes may differ.
LIFE_MS = 120_000

#: No bucket holds more; a higher count is none of ours.
MOST = 1_000_000

SCRIPT = Path(__file__).with_name("take.lua").read_text(encoding="utf-8")

#: Buckets of several deployments may lie in one Redis; this tells them apart, as the channel of the doorbell does.
DEPLOYMENT = """
select system_identifier || ':' || oid from pg_control_system(), pg_database where datname = current_database()
"""


class Database(Protocol):
    """A pool of connections to the database of the log."""

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class RedisBuckets:
    """Buckets in a Redis; ``wall`` is the clock on the wall. Raise ``InvalidSetting`` for a URL of none."""

    def __init__(self, url: str, wall: Callable[[], datetime], deployment: str, *, patience: float = PATIENCE) -> None:
        self._redis = redis_client(url)
        self._script: Callable[..., Awaitable[Any]] = self._redis.register_script(SCRIPT)
        self._wall = wall
        self._patience = patience
        self._prefix = f"annals:bucket:{deployment}"
        self._counts = Counts()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._availability = Availability(
            "limits", "each node counts requests by itself", "the nodes count requests together again"
        )

    async def take(self, name: str, limit: int) -> Taken:
        minute = minute_of(self._wall())
        number = self._counts.add(name, limit, minute.number)
        if number <= limit:
            shared = await self._shared(f"{self._prefix}:{minute.number}:{name}", limit)
            number = max(number, shared)
        return minute.taken(limit, number)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _shared(self, key: str, limit: int) -> int:
        """Return which request this is over all nodes; 0 where that cannot be had."""
        if not self._availability.may_ask():
            return 0
        try:
            async with asyncio.timeout(self._patience), self._at_once:
                number = int(await self._script(keys=[key], args=[limit, LIFE_MS, MOST]))
        except (RedisError, OSError, TimeoutError, ValueError, TypeError) as error:
            self._availability.fails(error)
            return 0
        self._availability.works()
        return number
