"""Whatever is refused is told in the form of the API that was asked (contracts/incidents.md 0.6, error forms)."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import asyncpg
import pytest
from httpx import Response

from tests.contract.administering import OWNER, Callers, callers

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
Body = Mapping[str, Any]


def as_feed(body: Body) -> str:
    """Return the code in a body, having held it to the form of the feed."""
    assert set(body) == {"error", "message"}
    assert body["message"]
    return str(body["error"])


def as_uptime(body: Body) -> str:
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    assert {"code", "message"} <= set(body["error"]) <= {"code", "message", "details"}
    assert body["error"]["message"]
    return str(body["error"]["code"])


def as_alerts(body: Body) -> str:
    assert set(body) == ({"error", "message"} if body["error"] == "Unauthorized" else {"error"})
    assert isinstance(body["error"], str)
    assert body["error"]
    return ""


def as_insight(body: Body) -> str:
    assert set(body) == {"message"}
    assert body["message"]
    return ""


def as_problem(body: Body) -> str:
    assert {"status", "type", "title", "detail"} <= set(body) <= {"status", "type", "title", "detail", "errors"}
    return str(body["type"])


class Words(NamedTuple):
    """The codes of an API, as far as it has any."""

    validation: str = ""
    unauthorized: str = ""
    forbidden: str = ""
    nowhere: str = ""
    not_found: str = ""
    method: str = ""
    limit: str = ""
    internal: str = ""
    unavailable: str = ""


class Api(NamedTuple):
    """A base path: a list to get there, where to post a body, something unknown, and the form of its refusals."""

    base: str
    form: Callable[[Body], str]
    words: Words
    reading: str
    writing: str
    missing: str
    media_type: str = "application/json"


FEED_WORDS = Words(
    "validation_error",
    "unauthorized",
    "forbidden",
    "not_found",
    "incident_not_found",
    "method_not_allowed",
    "rate_limit_exceeded",
    "internal_error",
    "unavailable",
)
UPTIME_WORDS = Words(
    "VALIDATION_ERROR",
    "AUTHENTICATION_ERROR",
    "FORBIDDEN",
    "NOT_FOUND",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "RATE_LIMIT_EXCEEDED",
    "INTERNAL_ERROR",
    "UNAVAILABLE",
)
APIS = [
    Api("/v1", as_feed, FEED_WORDS, "/v1/incidents", "/v1/incidents", f"/v1/incidents/inc_{UNKNOWN}"),
    Api("/api/incidents", as_uptime, UPTIME_WORDS, "/api/incidents", "/api/incidents", f"/api/incidents/inc_{UNKNOWN}"),
    Api("/api/checks", as_uptime, UPTIME_WORDS, "/api/checks", "/api/checks", f"/api/checks/chk_{UNKNOWN}"),
    Api(
        "/api/alerts",
        as_alerts,
        Words(),
        "/api/alerts/incidents",
        "/api/alerts/rules",
        f"/api/alerts/incidents/inc_{UNKNOWN}",
    ),
]
IDS = [api.base for api in APIS]
#: The tables of the read models that the lists of these APIs are read from.
TABLES = ("incident_list", "checks", "alert_rules")


def held(answer: Response, api: Api, status: int, code: str) -> None:
    """Hold a refusal to its API's form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == api.media_type
    assert answer.text.endswith("\n")
    assert api.form(answer.json()) == code


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database, pro_limit=3) as them:
        await them.register("acme")
        yield them


async def test_every_refusal_is_told_in_the_form_of_its_api(node: Callers) -> None:
    viewer = (await node.key("default", "viewer"))["key"]
    for api in APIS:
        words = api.words
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "token=wrong"}):
            answer = await node.client.get(api.reading, headers=headers)
            held(answer, api, 401, words.unauthorized)
            assert answer.headers["WWW-Authenticate"]
        held(await node.ask(viewer, "POST", api.writing, {}), api, 403, words.forbidden)
        for path in (f"{api.base}/nowhere/at/all/and/further", f"{api.reading}/", f"{api.base}/%20"):
            refused = words.not_found if path.endswith("%20") and api.base != "/v1" else words.nowhere
            held(await node.ask(OWNER, "GET", path), api, 404, refused)
        held(await node.ask(OWNER, "GET", api.missing), api, 404, words.not_found)
        answer = await node.ask(OWNER, "DELETE", api.reading)
        held(answer, api, 405, words.method)
        assert "GET" in answer.headers["Allow"]
        held(await node.ask(OWNER, "GET", f"{api.reading}?limit=x"), api, 400, words.validation)


@pytest.mark.parametrize("api", APIS, ids=IDS)
async def test_a_body_that_cannot_be_read_is_told_in_the_form_of_its_api(node: Callers, api: Api) -> None:
    for body in (b"", b"{", b"null", b"[]", b"\xff", b'{"a":' * 100_000, b"1e999"):
        held(await node.ask(OWNER, "POST", api.writing, body), api, 400, api.words.validation)
    for size in (1_048_577, 12_000_000):
        large = b'{"title":"' + b"x" * size + b'"}'
        held(await node.ask(OWNER, "POST", api.writing, large), api, 400, api.words.validation)
    as_text = {"Content-Type": "text/plain"}
    held(await node.ask(OWNER, "POST", api.writing, b"{}", headers=as_text), api, 415, api.words.validation)


async def test_a_used_up_minute_is_told_in_the_form_of_its_api(node: Callers) -> None:
    for number, api in enumerate(APIS):
        await node.register(f"busy{number}", "pro")
        key = (await node.key(f"busy{number}", "viewer"))["key"]
        answers = [await node.ask(key, "GET", api.reading) for _ in range(10)]  # in two minutes at most
        held(answers[-1] if answers[-1].status_code == 429 else answers[-4], api, 429, api.words.limit)


async def test_an_error_of_ours_is_told_in_the_form_of_its_api_and_tells_nothing_else(
    node: Callers, database: str
) -> None:
    connection = await asyncpg.connect(database)
    for api in APIS:
        assert (await node.ask(OWNER, "GET", api.reading)).status_code == 200
    for table in TABLES:
        await connection.execute(f"alter table read.{table} rename to {table}_gone")
    await connection.close()
    for api in APIS:
        answer = await node.ask(OWNER, "GET", api.reading)
        held(answer, api, 500, api.words.internal)
        assert "_gone" not in answer.text
        assert "relation" not in answer.text
        assert answer.headers["X-RateLimit-Limit"] == "6000"


async def test_what_cannot_be_had_in_time_is_told_in_the_form_of_its_api(database: str) -> None:
    async with callers(database, roles=("api",), query_wait=0.05) as node:
        for api in APIS:
            answer = await node.ask(OWNER, "GET", api.reading)
            held(answer, api, 503, api.words.unavailable)
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["X-RateLimit-Limit"] == "6000"


async def test_elsewhere_it_is_told_as_a_problem_and_in_the_views_as_a_message(node: Callers) -> None:
    acme = (await node.key("acme", "viewer"))["key"]
    for path in ("/nowhere", "/api", "/api/nowhere", "/v1x", "/api/alertsx", "/admin/nowhere", "/incidents/nowhere"):
        answer = await node.ask(OWNER, "GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert as_problem(answer.json()) == "NOT_FOUND"
    heatmap = "/incidents/heatmap"
    for key, path, status in ((OWNER, heatmap, 400), (acme, heatmap, 403), ("wrong", heatmap, 401)):
        answer = await node.ask(key, "GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
        as_insight(answer.json())
