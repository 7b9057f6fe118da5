"""A process of its own that takes from a bucket in a Redis, at a moment that stands still; it says how often it passed.

Run as ``python -m tests.integration.taking URL REQUESTS LIMIT``; it begins when it is sent a line.
"""

import asyncio
import sys
from datetime import UTC, datetime

from infra.rate_limits.redis_buckets import RedisBuckets

MOMENT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


async def taking(url: str, requests: int, limit: int) -> int:
    """Return how many of the requests, ten of them at a time, were within the limit."""
    buckets = RedisBuckets(url, lambda: MOMENT, "campaign", patience=60)  # what is to be seen is the counting
    passed = 0
    for _ in range(requests // 10):
        taken = await asyncio.gather(*(buckets.take("one", limit) for _ in range(10)))
        passed += sum(one.passes for one in taken)
    await buckets.close()
    return passed


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(asyncio.run(taking(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
