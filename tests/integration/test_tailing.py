"""A reader that asks for what comes after the last position it saw misses nothing, whoever writes meanwhile."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.integration.appending import connected, open_log
from tests.rules.source_tree import ROOT

SEEDS = (1, 2)

#: Reads the positions after one.
Page = Callable[[int], Awaitable[Sequence[int]]]


async def write_in_two_processes(way: str, dsn: str, seconds: float) -> int:
    """Let sixteen writers write, eight a process; return how many facts were confirmed to them."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.tailed_writers", way, dsn, str(seed), str(seconds)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},  # noqa: TID251  (the child's environment is not configuration)
        )
        for seed in SEEDS
    ]
    outputs = [await process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return sum(int(output) for output, _ in outputs)


async def tail(page: Page, writing: "asyncio.Task[int]") -> list[int]:
    """Read on and on until nobody writes and nothing is left."""
    seen: list[int] = []
    while True:
        over = writing.done()
        positions = await page(seen[-1] if seen else 0)
        seen += positions
        if over and not positions:
            return seen


async def tailed_log(dsn: str, seconds: float) -> tuple[list[int], int]:
    async with open_log(dsn) as log:

        async def page(after: int) -> Sequence[int]:
            return [fact.position for fact in await log.read_all(after, 500)]

        writing = asyncio.create_task(write_in_two_processes("log", dsn, seconds))
        return await tail(page, writing), await writing


async def tailed_sequence(dsn: str, seconds: float) -> tuple[list[int], int]:
    async with connected(dsn) as connection:
        await connection.execute("create table plain (position bigserial primary key)")

        async def page(after: int) -> Sequence[int]:
            rows = await connection.fetch("select position from plain where position > $1 order by 1 limit 500", after)
            return [row["position"] for row in rows]

        writing = asyncio.create_task(write_in_two_processes("sequence", dsn, seconds))
        return await tail(page, writing), await writing


async def test_a_tailing_reader_under_sixteen_writers_in_two_processes_misses_nothing(database: str) -> None:
    seen, written = await tailed_log(database, 3)
    assert written > 500
    assert seen == list(range(1, written + 1))


async def test_a_tailing_reader_of_a_plain_sequence_misses_facts(database: str) -> None:
    seen, written = await tailed_sequence(database, 2)
    assert len(seen) < written, "the control: otherwise the test above could not see a miss"


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_a_tailing_reader_misses_nothing_for_minutes(database: str) -> None:
    seen, written = await tailed_log(database, 300)
    assert seen == list(range(1, written + 1))
    sys.stdout.write(f"{written:,} facts written, all of them read once and in order\n")
