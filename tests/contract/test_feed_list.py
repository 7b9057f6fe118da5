"""The feed's list: its filters, its order, its pages (contracts/incidents.md 0.2, 2.1, 2.9)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain

import msgspec
import pytest

from tests.contract.feeding import BREACH, FEED, OUTAGE, FeedClient, feed_client, ids_of
from tests.contract.tracking import WAYS

#: The ranks that each word stands for, and the statuses, as section 0.2 has them.
RANKS = {"critical": (4,), "high": (3,), "medium": (2,), "low": (1, 0)}
STATUSES = {
    "open": ("open",),
    "triaging": ("acknowledged", "triaging"),
    "investigating": ("investigating",),
    "awaiting_approval": ("awaiting_approval",),
    "remediating": ("remediating",),
    "resolved": ("resolved",),
    "closed": ("closed", "canceled"),
}


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database) as client:
        yield client


async def opened(feed: FeedClient, number: int) -> list[str]:
    """Open some incidents and return their ids, the newest first."""
    return [await feed.opened(BREACH) for _ in range(number)][::-1]


async def test_a_row_says_what_where_and_since_when(feed: FeedClient) -> None:
    assert await feed.page() == {"incidents": [], "count": 0, "cursor": None}
    incident = await feed.created(severity="high")
    at = datetime(2026, 11, 23, 9, 15, 10, 987_000, UTC)
    outage = f"inc_{'0' * 25}1"
    await feed.happened(outage, OUTAGE, at=at)
    rows = {row["incidentId"]: row for row in (await feed.page())["incidents"]}
    assert rows[outage] == {
        "incidentId": outage,
        "title": "Shop - timeout",
        "severity": "high",
        "status": "open",
        "source": "automated",
        "createdAt": "2026-11-23T09:15:10Z",
    }
    row = rows[incident["incidentId"]]
    assert incident.items() >= row.items()
    assert (row["severity"], row["source"]) == ("high", "manual")


async def test_the_answer_says_what_it_reflects_and_comes_after_what_was_written(feed: FeedClient) -> None:
    for number in range(1, 21):
        created = await feed.call("POST", FEED, {"title": "Slow again", "description": "Slower than it was."})
        listed = await feed.call("GET", FEED)
        assert listed.json()["count"] == number
        assert int(listed.headers["Annals-Position"]) >= int(created.headers["Annals-Position"])


async def test_every_rank_and_status_is_found_under_the_word_that_it_is_shown_as(feed: FeedClient) -> None:
    made = {
        (rank, status): await feed.opened(msgspec.structs.replace(BREACH, severity=rank), *way)
        for rank in (0, 1, 2, 3, 4)
        for status, way in WAYS.items()
    }
    for severity, ranks in [("", (0, 1, 2, 3, 4)), *RANKS.items()]:
        for status, statuses in [("", tuple(WAYS)), *STATUSES.items()]:
            given = {"severity": severity, "status": status, "limit": 100}
            page = await feed.page("&".join(f"{name}={value}" for name, value in given.items() if value))
            expected = {made[rank, canonical] for rank in ranks for canonical in statuses}
            assert set(ids_of(page)) == expected, given
            assert (page["count"], len(page["incidents"])) == (len(expected), len(expected))
            assert {row["severity"] for row in page["incidents"]} == ({severity} if severity else set(RANKS))
            assert {row["status"] for row in page["incidents"]} == ({status} if status else set(STATUSES))


async def test_a_move_takes_an_incident_from_one_filter_to_another(feed: FeedClient) -> None:
    (incident,) = await opened(feed, 1)
    assert ids_of(await feed.page("status=open")) == [incident]
    await feed.moved(incident, "triaging")
    assert (await feed.page("status=open"))["count"] == 0
    assert ids_of(await feed.page("status=triaging&severity=critical")) == [incident]
    await feed.rated(incident, "low")
    assert (await feed.page("status=triaging&severity=critical"))["count"] == 0
    assert ids_of(await feed.page("status=triaging&severity=low")) == [incident]


async def test_it_is_sorted_by_the_time_of_opening_the_newest_first_unless_asked_otherwise(feed: FeedClient) -> None:
    newest_first = await opened(feed, 7)
    await feed.moved(newest_first[-1], "triaging")  # a change does not move it
    for query in ("", "sort=createdAt", "order=desc", "sort=createdAt&order=desc"):
        assert ids_of(await feed.page(query)) == newest_first
    assert ids_of(await feed.page("order=asc&sort=createdAt")) == newest_first[::-1]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_those_of_one_moment_are_sorted_by_id_in_the_same_direction_over_pages_too(
    feed: FeedClient, order: str
) -> None:
    at = feed.node.commands.clock.now()
    ids = [f"inc_{number:026}" for number in (5, 3, 9, 1, 7, 2, 8, 4, 6)]
    for incident in ids:
        await feed.happened(incident, BREACH, at=at)
    expected = sorted(ids, reverse=order == "desc")
    assert list(chain(*await feed.pages(f"order={order}&limit=2"))) == expected


async def test_a_page_has_twenty_rows_unless_asked_for_1_to_100(feed: FeedClient) -> None:
    newest_first = await opened(feed, 103)
    first = await feed.page()
    assert (ids_of(first), first["count"]) == (newest_first[:20], 103)
    assert ids_of(await feed.page("limit=1")) == newest_first[:1]
    widest = await feed.page("limit=100")
    assert (ids_of(widest), widest["count"]) == (newest_first[:100], 103)
    rest = await feed.page(f"limit=100&cursor={widest['cursor']}")
    assert (ids_of(rest), rest["count"], rest["cursor"]) == (newest_first[100:], 103, None)


async def test_pages_part_the_list_and_the_last_one_has_no_cursor(feed: FeedClient) -> None:
    newest_first = await opened(feed, 12)
    for limit in (1, 4, 5, 11, 12, 13):
        pages = await feed.pages(f"limit={limit}")
        assert [len(page) for page in pages] == [min(limit, 12 - start) for start in range(0, 12, limit)]
        assert list(chain(*pages)) == newest_first
        backwards = await feed.pages(f"limit={limit}&order=asc")
        assert list(chain(*backwards)) == newest_first[::-1]


async def test_pages_part_a_filtered_list_too(feed: FeedClient) -> None:
    critical, high = [], []
    for _ in range(7):
        critical.append(await feed.opened(BREACH, *WAYS["acknowledged"]))
        high.append(await feed.opened(OUTAGE, *WAYS["triaging"]))
        await feed.opened(OUTAGE)
    assert list(chain(*await feed.pages("status=triaging&severity=critical&limit=3"))) == critical[::-1]
    assert list(chain(*await feed.pages("status=triaging&severity=high&order=asc&limit=3"))) == high
    assert (await feed.page("status=triaging&limit=1"))["count"] == 14


async def test_a_list_may_go_on_with_pages_of_another_size(feed: FeedClient) -> None:
    newest_first = await opened(feed, 9)
    first = await feed.page("limit=2")
    second = await feed.page(f"limit=5&cursor={first['cursor']}")
    third = await feed.page(f"cursor={second['cursor']}")
    assert [*ids_of(first), *ids_of(second), *ids_of(third)] == newest_first
