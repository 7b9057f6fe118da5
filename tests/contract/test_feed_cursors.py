"""The feed's cursors: walks through lists that change, and cursors that lead nowhere (contracts/incidents.md 0.6)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import chain
from urllib.parse import quote

import msgspec
import pytest

from api.incidents.cursors import Cursors, Place
from infra.secret_key import SecretKey
from tests.contract.feeding import BREACH, FEED, FeedClient, feed_client, ids_of

#: The deployment's, by the settings of the tests.
SIGN = SecretKey(("pepper of the tests",)).fingerprint

NOT_MADE = (400, "validation_error", "cursor was not made for this list")


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database) as client:
        yield client


async def opened(feed: FeedClient, number: int) -> list[str]:
    """Open some incidents and return their ids, the oldest first."""
    return [await feed.opened(BREACH) for _ in range(number)]


async def walked(feed: FeedClient, query: str, most_pages: int) -> AsyncIterator[str]:
    """Yield the incidents of so many pages at most: oldest first, there may always be more by then."""
    cursor = ""
    for _ in range(most_pages):
        page = await feed.page(f"{query}{cursor}")
        for incident in ids_of(page):
            yield incident
        if page["cursor"] is None:
            return
        cursor = f"&cursor={page['cursor']}"


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_nothing_is_skipped_or_repeated_while_incidents_are_being_opened(feed: FeedClient, order: str) -> None:
    there = await opened(feed, 120)
    meanwhile: list[str] = []

    async def open_more() -> None:
        while True:
            meanwhile.extend(await asyncio.gather(*(feed.opened(BREACH) for _ in range(4))))

    opening = asyncio.create_task(open_more())
    try:
        shown = [incident async for incident in walked(feed, f"order={order}&limit=7", 40)]
    finally:
        opening.cancel()
    assert len(meanwhile) > 20
    assert len(set(shown)) == len(shown)
    assert [incident for incident in shown if incident in set(there)] == (there if order == "asc" else there[::-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_one_committed_late_is_shown_where_its_place_lies_ahead_and_else_by_the_next_walk(
    feed: FeedClient, order: str
) -> None:
    began = feed.node.commands.clock.now() - timedelta(hours=1)
    there = [f"inc_{number:026}" for number in range(1, 10)]
    for minute, incident in enumerate(there):
        await feed.happened(incident, BREACH, at=began + timedelta(minutes=minute))
    first = await feed.page(f"order={order}&limit=5")
    early, later = f"inc_{'E':0>26}", f"inc_{'A':0>26}"
    await feed.happened(early, BREACH, at=began + timedelta(minutes=2.5))
    await feed.happened(later, BREACH, at=began + timedelta(minutes=6.5))
    shown = [*ids_of(first), *chain(*await feed.pages(f"order={order}&limit=5&cursor={first['cursor']}"))]
    ahead, passed = (later, early) if order == "asc" else (early, later)
    assert sorted(shown) == sorted([*there, ahead])
    again = list(chain(*await feed.pages(f"order={order}&limit=5")))
    assert sorted(again) == sorted([*there, ahead, passed])


async def test_a_list_goes_on_though_the_incident_that_its_cursor_names_has_left_the_filter(feed: FeedClient) -> None:
    there = await opened(feed, 6)
    first = await feed.page("status=open&order=asc&limit=2")
    await feed.moved(there[1], "closed")
    await feed.moved(there[3], "closed")
    second = await feed.page(f"status=open&order=asc&limit=2&cursor={first['cursor']}")
    assert (ids_of(second), second["count"]) == ([there[2], there[4]], 4)


async def test_a_walk_survives_the_engines_clock_and_the_end_of_a_node(database: str) -> None:
    async with feed_client(database, set_time_enabled=True) as feed:
        there = await opened(feed, 4)
        first = await feed.page("limit=2")
        await feed.ok("PATCH", "/time", {"timeDuration": "P30D"})
        newer = await opened(feed, 3)
    async with feed_client(database) as feed:
        assert ids_of(await feed.page(f"cursor={first['cursor']}")) == [there[1], there[0]]
        assert list(chain(*await feed.pages("limit=2&order=asc"))) == [*there, *newer]


async def test_a_cursor_is_taken_with_the_filters_and_the_order_that_it_came_with_only(feed: FeedClient) -> None:
    await opened(feed, 3)
    queries = ["", "order=asc", "severity=critical", "status=open", "severity=critical&status=open"]
    queries += [f"{query}&order=asc" for query in queries[2:]]
    for made_for in queries:
        cursor = (await feed.page(f"{made_for}&limit=1"))["cursor"]
        for query in queries:
            if query == made_for:
                assert len(ids_of(await feed.page(f"{query}&cursor={cursor}"))) == 2
            else:
                assert await feed.error("GET", f"{FEED}?{query}&cursor={cursor}") == NOT_MADE, (made_for, query)


async def test_a_cursor_may_say_the_defaults_or_leave_them_out(feed: FeedClient) -> None:
    there = await opened(feed, 3)
    cursor = (await feed.page("limit=1"))["cursor"]
    page = await feed.page(f"limit=1&sort=createdAt&order=desc&cursor={cursor}")
    assert ids_of(page) == [there[1]]


async def test_another_tenants_cursor_is_refused_like_one_that_is_none(feed: FeedClient) -> None:
    await opened(feed, 3)
    ours = (await feed.page("limit=1"))["cursor"]
    rival = await feed.tenant("rival")
    for _ in range(2):
        await feed.created(headers={"Authorization": rival})
    theirs = (await feed.page("limit=1", Authorization=rival))["cursor"]
    assert await feed.error("GET", f"{FEED}?cursor={theirs}") == NOT_MADE
    assert await feed.error("GET", f"{FEED}?cursor={ours}", Authorization=rival) == NOT_MADE
    assert len(ids_of(await feed.page(f"cursor={theirs}", Authorization=rival))) == 1


async def test_a_cursor_that_was_tampered_with_is_refused(feed: FeedClient) -> None:
    await opened(feed, 3)
    cursor = (await feed.page("limit=1"))["cursor"]
    changed = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    for text in (*changed, cursor[:-1], cursor + "A", cursor + "=", cursor[::-1], "A" * 80, "null", "\x00", "\u2028"):
        status, code, _ = await feed.error("GET", f"{FEED}?cursor={quote(text)}")
        assert (status, code) == (400, "validation_error"), text


async def test_a_cursor_can_be_used_for_24_hours(feed: FeedClient) -> None:
    there = await opened(feed, 3)
    incident = there[1].removeprefix("inc_")
    subject = msgspec.json.encode(("feed", "default", None, None, "desc"))
    (opening, *_) = await feed.node.log.read(f"incident-{incident}")
    for hours, is_taken in ((0, True), (23.9, True), (24.1, False), (24 * 365, False)):
        made_at = feed.node.commands.clock.now() - timedelta(hours=hours)
        cursor = Cursors(SIGN, subject, made_at).at(Place(opening.happened_at, incident))
        if is_taken:
            assert ids_of(await feed.page(f"cursor={cursor}")) == [there[0]]
        else:
            assert await feed.error("GET", f"{FEED}?cursor={cursor}") == (400, "validation_error", "cursor has expired")
