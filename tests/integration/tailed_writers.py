"""A process of writers for ``test_tailing.py``: ``python -m tests.integration.tailed_writers WAY URL SEED SECONDS``.

The ways: ``log`` appends to the event log, ``sequence`` inserts into a table whose positions come from a plain
sequence. Prints how many facts were confirmed.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg

from tests.integration.appending import context, decision, open_log, passed

WRITERS = 8


async def to_log(dsn: str, rng: random.Random, deadline: float) -> int:
    async with open_log(dsn) as log:

        async def write(stream: str) -> int:
            version = 0
            while time.monotonic() < deadline:
                facts = [passed(version + n) for n in range(1, rng.randint(2, 5))]
                await log.append(decision(stream, version, *facts), context(f"{stream} {version}"))
                version += len(facts)
            return version

        streams = [f"instance-2026-11-23-{rng.getrandbits(31)}" for _ in range(WRITERS)]
        return sum(await asyncio.gather(*map(write, streams)))


async def to_sequence(dsn: str, rng: random.Random, deadline: float) -> int:
    async def write() -> int:
        connection = await asyncpg.connect(dsn)
        written = 0
        while time.monotonic() < deadline:
            async with connection.transaction():
                await connection.execute("insert into plain default values")
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.uniform(0, 0.004))
            written += 1
        await connection.close()
        return written

    return sum(await asyncio.gather(*(write() for _ in range(WRITERS))))


WAYS: dict[str, Callable[[str, random.Random, float], Awaitable[int]]] = {"log": to_log, "sequence": to_sequence}


async def main(way: str, dsn: str, seed: str, seconds: str) -> None:
    written = await WAYS[way](dsn, random.Random(int(seed)), time.monotonic() + float(seconds))
    sys.stdout.write(f"{written}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
