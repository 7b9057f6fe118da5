"""The newest facts as they are kept for all who listen on a node, by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from domain.rejection import Unavailable
from infra.event_feed.entries import Entry
from infra.event_feed.live import Keeping, Live
from infra.event_feed.pages import Bounds, Page
from infra.event_log.doorbell import Doorbell

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def entry(position: int) -> Entry:
    return Entry(
        position, "alert-a", position, "alert.raised.v1", b"{}", "acme", "system", "system", NOW, NOW, "c", None
    )


class GrowingLog:
    """A log in memory, which cannot be reached for as long as it is told so."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.reached = True
        self.asked = 0

    async def head(self) -> int:
        self._reach()
        return self.length

    async def live(self, after: int, bounds: Bounds) -> Page:
        self._reach()
        upto = min(after + bounds.facts, self.length)
        return Page([entry(position) for position in range(after + 1, upto + 1)], upto, self.length)

    def _reach(self) -> None:
        self.asked += 1
        if not self.reached:
            raise ConnectionError


@asynccontextmanager
async def running(log: GrowingLog, keeping: Keeping | None = None) -> AsyncIterator[tuple[Live, Doorbell]]:
    bell = Doorbell(log.length)
    live = Live(log, bell, keeping or Keeping(pause=0.01, patience=0.2))
    reading = asyncio.create_task(live.run())
    yield live, bell
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def until(live: Live, position: int) -> None:
    async with asyncio.timeout(5):
        while live.end < position:
            await live.wait(live.end, 1)


def kept(live: Live, after: int) -> list[int] | None:
    part = live.after(after, Bounds(facts=1_000))
    return None if part is None else [one.position for one in part]


async def test_what_was_kept_before_an_outage_is_kept_after_it() -> None:
    log = GrowingLog(10)
    async with running(log) as (live, bell), live.listening():
        log.length = 12
        bell.ring(12)
        await until(live, 12)
        log.reached = False
        log.length = 15
        bell.ring(15)
        await asyncio.sleep(0.05)
        log.reached = True
        await until(live, 15)
        assert kept(live, 10) == [11, 12, 13, 14, 15]


async def test_no_more_is_kept_than_bounds_allow_and_what_is_gone_is_told_from_what_is_not_yet_there() -> None:
    log = GrowingLog(10)
    async with running(log, Keeping(facts=20, at_once=Bounds(facts=7))) as (live, bell), live.listening():
        log.length = 100
        bell.ring(100)
        await until(live, 100)
        assert (live.begin, live.end) == (80, 100)
        assert kept(live, 79) is None
        assert kept(live, 80) == list(range(81, 101))
        assert kept(live, 100) == kept(live, 103) == []
    async with running(log, Keeping(bytes=10, at_once=Bounds(facts=7))) as (live, bell), live.listening():
        log.length = 130
        bell.ring(130)
        await until(live, 130)
        assert kept(live, live.begin) == [126, 127, 128, 129, 130]


async def test_nothing_is_read_where_nobody_listens() -> None:
    log = GrowingLog(10)
    async with running(log) as (live, bell):
        log.length = 20
        bell.ring(20)
        await asyncio.sleep(0.05)
        assert log.asked == 0
        async with live.listening():
            assert (live.begin, live.end) == (20, 20)
            bell.ring(21)
        await asyncio.sleep(0.6)
        asked = log.asked
        bell.ring(30)
        await asyncio.sleep(0.05)
        assert log.asked == asked
        log.length = 40
        async with live.listening():
            assert live.begin == 40


async def test_nobody_waits_for_long_where_the_log_cannot_be_reached() -> None:
    log = GrowingLog(10)
    log.reached = False
    async with running(log) as (live, _):
        with pytest.raises(Unavailable):
            async with live.listening():
                pass
