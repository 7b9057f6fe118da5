"""Requests a minute: what is counted, what is told, and who is kept out (contracts/incidents.md 0.4, 0.6)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from api.composition import open_node
from infra.rate_limits.buckets import MemoryBuckets
from infra.settings import Settings
from tests.contract.administering import OWNER, Callers, callers
from tests.integration.redis_server import redis_server
from tests.unit.token_minting import SECRET, token

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RESET = str(int(NOON.timestamp()) + 60)
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

FEED, UPTIME, ALERTS = "/v1/incidents", "/api/incidents", "/api/alerts/incidents"
UNKNOWN = "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV"


class Wall:
    """The clock on the wall, which the test sets."""

    def __init__(self) -> None:
        self.now = NOON + timedelta(seconds=15)

    def __call__(self) -> datetime:
        return self.now


class Limited(Callers):
    """Sends requests to a node whose minutes are the test's."""

    wall: Wall

    async def get(self, key: str, path: str = FEED, **more: Any) -> Response:
        return await self.ask(key, "GET", path, **more)


@asynccontextmanager
async def limited(database: str, **more: Any) -> AsyncIterator[Limited]:
    settings = Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)
    wall = Wall()
    async with open_node(settings) as opened:
        app = create_app(msgspec.structs.replace(opened, buckets=MemoryBuckets(wall)))
        asgi: Any = app  # the same protocol under other names
        async with AsyncClient(transport=ASGITransport(asgi), base_url="http://testserver.local") as client:
            node = Limited(app, client)
            node.wall = wall
            yield node


@pytest.fixture
async def node(database: str) -> AsyncIterator[Limited]:
    async with limited(database, free_limit=4, jwt_secret=SECRET) as them:
        await them.register("acme")
        yield them


def told(answer: Response) -> list[str | None]:
    return [answer.headers.get(name) for name in HEADERS]


async def test_each_plan_has_its_limit(database: str) -> None:
    async with limited(database, enterprise_limit=7000) as node:
        for plan, limit in (("free", "60"), ("pro", "600"), ("enterprise", "7000")):
            await node.register(plan, plan)
            key = (await node.key(plan, "viewer"))["key"]
            assert told(await node.get(key)) == [limit, str(int(limit) - 1), RESET]


async def test_a_credential_has_one_bucket_over_the_three_apis(node: Limited) -> None:
    key = (await node.key("acme", "viewer"))["key"]
    left = [(await node.get(key, path)).headers["X-RateLimit-Remaining"] for path in (FEED, UPTIME, ALERTS)]
    assert left == ["3", "2", "1"]


async def test_two_credentials_have_a_bucket_each_and_a_person_has_one_for_all_their_tokens(node: Limited) -> None:
    keys = [(await node.key("acme", "viewer"))["key"] for _ in range(2)]
    adas = [token(sub="ada", tags=number) for number in range(2)]
    credentials = [*keys, *adas, token(sub="grace"), keys[0]]
    left = [(await node.get(credential)).headers["X-RateLimit-Remaining"] for credential in credentials]
    assert left == ["3", "3", "3", "2", "3", "2"]


async def test_one_name_in_two_tenants_is_two_people(node: Limited) -> None:
    await node.register("rival")
    for tenant in ("acme", "rival"):
        assert (await node.get(token(tenant_id=tenant))).headers["X-RateLimit-Remaining"] == "3"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (FEED, {"error": "rate_limit_exceeded", "message": "only 4 requests a minute are allowed"}),
        ("/v1/nowhere", {"error": "rate_limit_exceeded", "message": "only 4 requests a minute are allowed"}),
        (
            UPTIME,
            {
                "success": False,
                "error": {"code": "RATE_LIMIT_EXCEEDED", "message": "only 4 requests a minute are allowed"},
            },
        ),
        (ALERTS, {"error": "only 4 requests a minute are allowed"}),
    ],
)
async def test_beyond_the_limit_the_answer_is_429_until_the_minute_is_over(
    node: Limited, path: str, body: dict[str, Any]
) -> None:
    key = (await node.key("acme", "viewer"))["key"]
    assert [(await node.get(key)).status_code for _ in range(4)] == [200] * 4
    refused = await node.get(key, path)
    assert (refused.status_code, refused.json()) == (429, body)
    assert refused.headers["content-type"] == "application/json"
    assert (refused.headers["Retry-After"], *told(refused)) == ("45", "4", "0", RESET)
    node.wall.now += timedelta(seconds=44.9)
    assert (await node.get(key)).headers["Retry-After"] == "1"
    node.wall.now += timedelta(seconds=0.1)
    again = await node.get(key)
    assert (again.status_code, *told(again)) == (200, "4", "3", str(int(RESET) + 60))


async def test_the_headers_are_on_every_answer_whatever_it_is(database: str) -> None:
    async with limited(database) as node:
        await node.register("acme")
        key = (await node.key("acme", "viewer"))["key"]
        asked = [
            ("GET", FEED, None, 200),
            ("GET", f"{FEED}?limit=0", None, 400),
            ("POST", FEED, {"title": "x"}, 403),
            ("GET", f"{FEED}/{UNKNOWN}", None, 404),
            ("GET", "/v1", None, 404),
            ("GET", "/v1/nowhere", None, 404),
            ("GET", f"{FEED}/", None, 404),
            ("GET", f"{FEED}//", None, 307),
            ("PUT", FEED, {}, 405),
            ("OPTIONS", FEED, None, 204),
            ("HEAD", FEED, None, 405),
            ("GET", f"{UPTIME}/{UNKNOWN}", None, 404),
            ("GET", f"{UPTIME}/a/b/c/d", None, 404),
            ("DELETE", UPTIME, None, 405),
            ("GET", "/api/checks", None, 200),
            ("GET", "/api/checks/nowhere/at/all", None, 404),
            ("GET", "/api/alerts", None, 404),
            ("GET", "/api/alerts/rules", None, 200),
            ("PATCH", f"{ALERTS}/{UNKNOWN}", {"status": "closed"}, 403),
        ]
        for number, (method, path, body, status) in enumerate(asked, start=1):
            answer = await node.ask(key, method, path, body)
            assert answer.status_code == status, (method, path, answer.text)
            assert told(answer) == ["60", str(60 - number), RESET], (method, path)


async def test_a_refused_move_tells_the_bucket_too(database: str) -> None:
    async with limited(database) as node:
        draft = {"title": "Checkout is slow", "description": "Orders take a minute to be taken."}
        created = await node.ask(OWNER, "POST", FEED, draft)
        path = f"{FEED}/{created.json()['incidentId']}"
        await node.ask(OWNER, "PATCH", path, {"status": "closed"})
        refused = await node.ask(OWNER, "PATCH", path, {"status": "triaging"})
        assert (refused.status_code, told(refused)) == (409, ["6000", "5997", RESET])


async def test_without_a_credential_there_is_no_bucket(node: Limited) -> None:
    for path, status in ((FEED, 401), (UPTIME, 401), (ALERTS, 401), ("/v1/nowhere", 404)):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = await node.client.get(path, headers=headers)
            assert (answer.status_code, told(answer)) == (status, [None] * 3)


async def test_nothing_else_is_counted_or_told(node: Limited) -> None:
    key = (await node.key("acme", "owner"))["key"]
    asked = [
        ("POST", "/processes/query", {}),
        ("GET", "/incidents/heatmap?processKey=p&version=1", None),
        ("GET", "/v1x", None),
        ("GET", "/api/incidentsx", None),
        ("GET", "/api", None),
        ("GET", "/healthz", None),
        ("GET", "/schema/openapi.json", None),
        ("POST", "/admin/keys", {"tenantId": "acme", "role": "viewer", "name": "one more"}),
    ]
    for method, path, body in asked * 2:
        assert told(await node.ask(key, method, path, body)) == [None] * 3, path
    assert (await node.get(key)).headers["X-RateLimit-Remaining"] == "3"


async def test_a_plan_that_changes_counts_at_once(node: Limited) -> None:
    key = (await node.key("acme", "viewer"))["key"]
    assert [(await node.get(key)).status_code for _ in range(5)][-1] == 429
    await node.ask(OWNER, "PATCH", "/admin/tenants/acme", {"plan": "pro"})
    assert told(await node.get(key)) == ["600", "595", RESET]


async def test_the_engine_is_limited_only_when_that_is_configured_and_by_a_bucket_of_its_own(database: str) -> None:
    async with limited(database, engine_limit=2) as node:
        key = (await node.key("default", "worker"))["key"]
        lock = ("POST", "/jobs/lock", {"workerId": "w", "limit": 1})
        answers = [await node.ask(key, *lock) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [told(answer) for answer in answers] == [["2", left, RESET] for left in ("1", "0", "0")]
        assert answers[2].headers["content-type"] == "application/problem+json"
        assert (answers[2].json()["type"], answers[2].headers["Retry-After"]) == ("TOO_MANY_REQUESTS", "45")
        assert told(await node.get(key)) == ["6000", "5999", RESET]
        for path in ("/readiness", "/healthz", "/incidents/heatmap?processKey=p&version=1", "/nowhere"):
            answer = await node.get(key, path)
            assert (answer.status_code != 429, told(answer)) == (True, [None] * 3), path


async def test_nodes_that_share_a_redis_share_the_limits(database: str, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis:
        shared = {"redis_url": redis.url, "free_limit": 5}
        async with callers(database, **shared) as one, callers(database, **shared) as other:
            await one.register("acme")
            for _ in range(3):  # again, should a minute end in between
                key = (await one.key("acme", "viewer"))["key"]
                answers = [await node.ask(key, "GET", FEED) for node in (one, other) * 5]
                if len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1:
                    break
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 5
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [*"43210", *"00000"]


async def test_an_intake_has_a_bucket_of_its_own(database: str) -> None:
    async with limited(database, intake_limit=2) as node:
        body = {"tenantId": "default", "provider": "pagerduty", "name": "pager"}
        intake = (await node.ask(OWNER, "POST", "/admin/intakes", body)).json()
        event = {"routing_key": intake["routingKey"], "event_action": "acknowledge", "dedup_key": "none"}
        path = "/v1/webhooks/default/pagerduty"
        answers = [await node.client.post(path, json=event) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert [told(answer) for answer in answers] == [["2", left, RESET] for left in ("1", "0", "0")]
        assert answers[2].json()["error"] == "rate_limit_exceeded"
        wrong = await node.client.post(path, json={**event, "routing_key": "x" * 32}, headers={"X-API-Key": OWNER})
        assert (wrong.status_code, told(wrong)) == (401, [None] * 3)
        assert told(await node.get(OWNER)) == ["6000", "5999", RESET]
