"""When the database counts as down: after questions that came to nothing, but not for our own being busy."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from infra.watching import Watch


class Database:
    """Answers, or does what ``answer`` does instead."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Callable[[], None] | None = None
        self.hangs = False

    async def connect(self) -> "Database":
        return self

    async def fetchrow(self, _question: str, _landmark: int) -> dict[str, Any]:
        self.asked += 1
        if self.answer is not None:
            self.answer()
        if self.hangs:
            await asyncio.sleep(60)
        return {"server": "one", "head": 0, "at_landmark": None, "at_head": None}

    async def fetchval(self, _question: str) -> None: ...

    async def execute(self, _statement: str) -> None: ...

    def terminate(self) -> None: ...


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "ASKED_EVERY": 0.01,
        "ASKED_AGAIN": 0.005,
        "ANSWER_SECONDS": 0.05,
        "OUR_FAULT": 0.02,
        "DOWN_AFTER": 0.08,
    }.items():
        monkeypatch.setattr(f"infra.watching.{name}", seconds)


@asynccontextmanager
async def watching(database: Database) -> AsyncIterator[Watch]:
    watch = Watch(database.connect)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  (what is waited for has no event)
            await asyncio.sleep(0.001)


async def test_a_database_that_hangs_is_down_after_some_questions_and_up_with_the_first_answer() -> None:
    database = Database()
    async with watching(database) as watch:
        await until(lambda: database.asked > 2)
        watch.check()
        database.hangs = True
        await until(lambda: watch.trouble != "")
        assert not watch.down
        await until(lambda: watch.down)
        with pytest.raises(ConnectionError, match="does not answer"):
            watch.check()
        database.hangs = False
        await until(lambda: not watch.trouble)
        watch.check()


async def test_a_database_that_refuses_for_a_moment_only_is_never_down() -> None:
    database = Database()

    def refuse() -> None:
        raise ConnectionRefusedError

    async with watching(database) as watch:
        for _ in range(3):
            database.answer = refuse
            await until(lambda: watch.trouble != "")
            database.answer = None
            await until(lambda: not watch.trouble)
            assert not watch.down


async def test_a_late_answer_counts_for_nothing_when_we_were_busy_ourselves() -> None:
    database = Database()

    def busy() -> None:
        time.sleep(0.1)
        raise TimeoutError

    async with watching(database) as watch:
        database.answer = busy
        asked = database.asked
        await until(lambda: database.asked > asked + 4)
        assert not watch.trouble
        assert not watch.down
