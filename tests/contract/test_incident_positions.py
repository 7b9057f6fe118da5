"""What the APIs about incidents have in common on the wire: positions to wait for, and the type of bodies."""

from collections.abc import AsyncIterator

import pytest

from domain.identity import INT64_MAX
from tests.contract.feeding import FEED, FIGURES, FeedClient, feed_client

QUERIES = (
    FEED,
    f"{FEED}/{{id}}",
    f"{FEED}/{{id}}/history",
    FIGURES,
    "/api/incidents",
    "/api/incidents/{id}",
    "/api/incidents/{id}/updates",
    "/api/incidents/{id}/affected-checks",
    "/api/checks",
    "/api/alerts/incidents",
    "/api/alerts/incidents/{id}",
    "/api/alerts/rules",
)


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database) as client:
        await client.ok("PATCH", "/admin/tenants/default", {"entitlements": ["analytics"]})
        yield client


async def test_every_query_waits_for_a_position_and_tells_the_one_that_it_reflects(feed: FeedClient) -> None:
    created = await feed.call("POST", FEED, {"title": "Checkout is slow", "description": "Ten seconds and more."})
    position = int(created.headers["Annals-Position"])
    for query in QUERIES:
        path = query.format(id=created.json()["incidentId"])
        for asked in (path, f"{path}?minPosition={position}"):
            answer = await feed.call("GET", asked)
            assert answer.status_code == 200, (asked, answer.text)
            assert int(answer.headers["Annals-Position"]) >= position, asked
        for never in (position + 1000, INT64_MAX, INT64_MAX + 1, -1, "soon", ""):
            answer = await feed.call("GET", f"{path}?minPosition={never}")
            assert answer.status_code == 400, (path, never, answer.text)


async def test_the_type_of_a_body_is_read_as_http_writes_it(feed: FeedClient) -> None:
    report = {"title": "Checkout is slow", "description": "Ten seconds and more."}
    for content_type in ("application/json", "Application/JSON ; charset=utf-8", ""):
        answer = await feed.call("POST", FEED, report, Content_Type=content_type)
        assert answer.status_code == 201, (content_type, answer.text)
    for content_type in ("text/json", "application/jsonp", ";"):
        answer = await feed.call("POST", FEED, report, Content_Type=content_type)
        assert answer.status_code == 415, content_type
