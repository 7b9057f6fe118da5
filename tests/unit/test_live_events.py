"""The newest facts as they are kept for all who listen on a node, by themselves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from api.log.parts import Parts, SharedParts
from domain.rejection import Unavailable
from infra.event_feed.cloud_events import CloudEvent, Source, cloud_event
from infra.event_feed.entries import Entry
from infra.event_feed.feed import EventFeed
from infra.event_feed.listening import Listener, Overrun
from infra.event_feed.live import Keeping, Live
from infra.event_feed.pages import Bounds, Page, Pages, Wanted
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
        self.missing: set[int] = set()
        self.reached = True
        self.asked = 0

    async def head(self) -> int:
        self._reach()
        return self.length

    async def live(self, after: int, bounds: Bounds) -> Page:
        self._reach()
        upto = min(after + bounds.facts, self.length)
        there = [entry(position) for position in range(after + 1, upto + 1) if position not in self.missing]
        return Page(there, upto, self.length)

    async def fetch(self, *_: object) -> Sequence[object]:
        raise AssertionError("nobody asks for the past here")

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


async def test_a_ring_for_what_is_not_there_is_not_asked_after_again_and_again() -> None:
    log = GrowingLog(10)
    async with running(log) as (live, bell), live.listening():
        bell.ring(1_000_000)
        await asyncio.sleep(0.3)
        assert log.asked < 5
        log.length = 12
        await until(live, 12)
        assert kept(live, 10) == [11, 12]


async def test_where_somebody_has_deleted_events_listeners_begin_anew_and_are_told_no_wrong_ones() -> None:
    log = GrowingLog(10)
    log.missing = {13}
    async with running(log, Keeping(at_once=Bounds(facts=4), rest=0)) as (live, bell), live.listening():
        listener = _listener(live, Wanted())
        log.length = 20
        bell.ring(20)
        await until(live, 20)
        with pytest.raises(Overrun):
            await listener.more(0, Bounds())
        assert live.begin >= 14
        assert kept(live, live.begin) == list(range(live.begin + 1, 21))


def _listener(live: Live, wanted: Wanted) -> Listener:
    """Return one who is level with what is kept."""
    nowhere: Any = GrowingLog(0)
    listener = Listener(Pages(nowhere), live, asyncio.Semaphore(), wanted, live.begin)
    listener.is_live = True
    return listener


async def test_who_wants_one_event_looks_at_many_together_and_gets_no_more_than_one() -> None:
    log = GrowingLog(10)
    async with running(log) as (live, bell), live.listening():
        nothing, one = _listener(live, Wanted("bravo")), _listener(live, Wanted("acme"))
        log.length = 260
        bell.ring(260)
        await until(live, 260)
        turns = 0
        while nothing.position < 260:
            assert await nothing.more(1, Bounds(facts=1)) == []
            turns += 1
        assert turns == 3
        assert [entry.position for _ in range(3) for entry in await one.more(1, Bounds(facts=1))] == [11, 12, 13]
        assert one.position == 13


class CountingPages(Pages):
    """Pages that take their time, and count how many are asked for at once."""

    def __init__(self) -> None:
        self.asked = self.most = 0

    async def page(self, wanted: Wanted, after: int, bounds: Bounds = Bounds()) -> Page:  # noqa: B008  (immutable)
        self.asked += 1
        self.most = max(self.most, self.asked)
        await asyncio.sleep(0.001)
        self.asked -= 1
        return Page([entry(after + 1)], after + 1, 10)


async def test_those_who_catch_up_with_the_past_take_turns() -> None:
    pages = CountingPages()
    nowhere: Any = GrowingLog(10)
    feed = EventFeed(nowhere, Doorbell(10))
    feed.pages = pages
    feed.live.begin = feed.live.end = 10
    listeners = [feed.listener(Wanted(), 0) for _ in range(20)]

    async def catch_up(listener: Listener) -> None:
        while listener.position < 10:
            assert await listener.more(0, Bounds())

    await asyncio.gather(*map(catch_up, listeners))
    assert pages.most == 2


def test_listeners_are_asked_to_come_back_within_bounds_as_chance_has_it() -> None:
    nowhere: Any = GrowingLog(10)
    numbers = iter((0.0, 0.5, 1.0))
    feed = EventFeed(nowhere, Doorbell(10), chance=lambda: next(numbers))
    assert [feed.retry() for _ in range(3)] == [1_000, 3_000, 5_000]


def told(entry: Entry) -> CloudEvent:
    return cloud_event(entry, Source("urn:uuid:log"), "http://annals")


async def test_what_is_new_is_put_into_its_form_once_for_all_who_listen_within_bounds() -> None:
    asked: list[int] = []

    def counted(entry: Entry) -> CloudEvent:
        asked.append(entry.position)
        return told(entry)

    news = [entry(position) for position in range(1, 11)]
    parts = SharedParts(most_urls=2)
    first = [parts.under("http://annals", counted).of(news, keep=True) for _ in range(50)]
    assert asked == list(range(1, 11))
    assert set(first) == {parts.under("http://annals", counted).of(news, keep=False)}
    assert asked == [*range(1, 11)] * 2
    for url in ("http://one", "http://two"):
        parts.under(url, counted)
    parts.under("http://annals", counted).of(news, keep=True)
    assert len(asked) == 30


async def test_of_the_forms_that_are_kept_the_oldest_go_first() -> None:
    asked: list[int] = []

    def counted(entry: Entry) -> CloudEvent:
        asked.append(entry.position)
        return told(entry)

    size = len(Parts(told).of([entry(1)], keep=False))
    parts = Parts(counted, most=10 * size + size // 2)
    for position in range(1, 16):
        parts.of([entry(position)], keep=True)
    del asked[:]
    parts.of([entry(position) for position in range(15, 0, -1)], keep=True)
    assert asked == [5, 4, 3, 2, 1]
