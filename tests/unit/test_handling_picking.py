"""Picking due work: shared look-ups, reservations that end with their block, and work that is left alone."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from commands import picking
from commands.context import Work, WorkCriteria
from commands.picking import Picking
from domain.identity import InstanceId

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Queue:
    """Due work, oldest first, and how often it was looked up."""

    def __init__(self, number: int) -> None:
        self.works = [Work(InstanceId(date(2026, 11, 23), n).stream, n, "default") for n in range(1, number + 1)]
        self.looks = 0
        self.error: Exception | None = None

    async def find(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        self.looks += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [work for work in self.works if work not in beside][: criteria.limit]

    def picking(self) -> Picking:
        return Picking(self.find, lambda: NOW)


async def pick(picking: Picking, limit: int) -> list[int]:
    async with picking.picked(WorkCriteria(limit)) as works:
        await asyncio.sleep(0.01)
        return [work.id for work in works]


async def test_those_who_ask_at_once_share_one_look_and_get_different_work() -> None:
    queue = Queue(10)
    among = queue.picking()
    picked = await asyncio.gather(*(pick(among, 3) for _ in range(4)))
    assert picked == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]
    assert queue.looks == 1


async def test_picked_work_is_not_picked_again_before_its_block_ends() -> None:
    among = Queue(2).picking()
    async with among.picked(WorkCriteria(1)) as first:
        assert await pick(among, 2) == [2]
    assert [work.id for work in first] == [1]
    assert await pick(among, 2) == [1, 2]


async def test_whoever_goes_away_while_work_is_looked_up_keeps_none_of_it() -> None:
    among = Queue(3).picking()
    gone = asyncio.create_task(pick(among, 3))
    other = asyncio.create_task(pick(among, 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await other == [1]
    assert await pick(among, 3) == [1, 2, 3]


async def test_whoever_goes_away_at_the_moment_the_work_is_there_keeps_none_of_it() -> None:
    for passes in range(6):
        among = Queue(3).picking()
        gone = asyncio.create_task(pick(among, 3))
        for _ in range(passes):
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await pick(among, 3) == [1, 2, 3]


async def test_all_who_asked_hear_of_an_error_and_the_next_one_is_served() -> None:
    queue = Queue(1)
    among = queue.picking()
    queue.error = ConnectionError("down")
    answers = await asyncio.gather(pick(among, 1), pick(among, 1), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError]
    queue.error = None
    assert await pick(among, 1) == [1]


async def test_work_that_cannot_be_done_is_picked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picking, "LEFT_ALONE", 0.05)
    queue = Queue(2)
    among = queue.picking()
    among.leave_alone(queue.works[:1])
    assert await pick(among, 2) == [2]
    await asyncio.sleep(0.06)
    assert await pick(among, 2) == [1, 2]
