"""What holds for every operation, whatever it does (contracts/engine.md 1.1, 1.2 and decisions 6 and 7)."""

import re
from collections.abc import AsyncIterator

import pytest

from api.engine.operations import Operation
from api.engine.routes import CONTROLLERS
from tests.contract.working import Client, engine_client, served_engine

OPERATIONS = sorted(
    (
        next(iter(operation.http_methods)),
        re.sub(
            r"{(\w+):\w+}",
            lambda found: {"partition": "2026-11-23", "id": "1"}[found[1]],
            (controller.path.rstrip("/") + next(iter(operation.paths))).rstrip("/"),
        ),
        operation.about.body is not None,
    )
    for controller in CONTROLLERS
    for operation in vars(controller).values()
    if isinstance(operation, Operation)
)
WITH_BODY = [(method, path) for method, path, takes_body in OPERATIONS if takes_body]


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, set_time_enabled=True) as client:
        yield client


async def test_a_body_that_nothing_can_be_made_of_is_refused_by_every_operation(engine: Client) -> None:
    bodies = [b"", b"null", b"[]", b"{", b'{"nope":1}', b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b" " * 1_048_577]
    for method, path in WITH_BODY:
        for body in bodies:
            status, kind, title, _ = await engine.refused(method, path, body)
            assert (status, kind, title) == (400, "HTTP_REQUEST_BODY", "invalid request body"), (path, body[:10])


async def test_a_body_of_another_type_than_json_is_not_supported(engine: Client) -> None:
    for method, path in WITH_BODY:
        assert await engine.refused(method, path, b"{}", Content_Type="text/plain; charset=utf-8") == (
            415,
            "HTTP_MEDIA_TYPE",
            "unsupported media type",
            "media type text/plain is not supported",
        )


async def test_parameters_of_the_type_json_are_ignored(engine: Client) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "application/json;x"):
        assert (await engine.call("POST", "/jobs/query", b"{}", Content_Type=content_type)).status_code == 200


@pytest.mark.parametrize("credential", ["", "Bearer nobody", "nobody", "Basic bm9ib2R5Om5vYm9keQ=="])
async def test_nobody_gets_in_without_a_credential(engine: Client, credential: str) -> None:
    for method, path, _ in OPERATIONS:
        if path != "/readiness":
            answer = await engine.call(method, path, b"{}", Authorization=credential)
            assert (answer.status_code, answer.json()["type"]) == (401, "UNAUTHORIZED"), path
            assert "Bearer" in answer.headers["WWW-Authenticate"]


async def test_readiness_is_told_to_everybody_who_asks_for_nothing_else(engine: Client) -> None:
    answer = await engine.call("GET", "/readiness", Authorization="")
    assert (answer.status_code, answer.text) == (200, "ready")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (await engine.call("GET", "/readiness?x=1", Authorization="")).status_code == 401


async def test_a_path_where_nothing_is_served_is_not_found(engine: Client) -> None:
    for path in ("/nope", "/jobs", "/jobs/lock/now", "/jobs/2026-11-23/1"):
        assert await engine.refused("POST", path, b"{}") == (
            404,
            "NOT_FOUND",
            "unknown path",
            f"nothing is served at {path}",
        )


async def test_a_method_that_is_not_served_is_told_those_that_are(engine: Client) -> None:
    for method, path, _ in OPERATIONS:
        answer = await engine.call("DELETE", path)
        assert (answer.status_code, answer.json()["type"]) == (405, "METHOD_NOT_ALLOWED")
        assert method in answer.headers["Allow"]


async def test_methods_that_are_served_are_told_in_one_order(engine: Client) -> None:
    for path, allowed in (
        ("/process-instances/2026-11-23/1/variables", "GET, OPTIONS, PUT"),
        ("/jobs/query", "OPTIONS, POST"),
        ("/readiness", "GET, OPTIONS"),
    ):
        assert (await engine.call("DELETE", path)).headers["Allow"] == allowed


async def test_a_path_with_a_slash_at_its_end_is_unknown(engine: Client) -> None:
    for method, path, _ in OPERATIONS:
        assert await engine.refused(method, f"{path}/", b"{}") == (
            404,
            "NOT_FOUND",
            "unknown path",
            f"nothing is served at {path}/",
        )


async def test_doubled_slashes_lead_to_the_path_without_them(engine: Client) -> None:
    for method, path, _ in OPERATIONS:
        answer = await engine.call(method, "http://annals" + path.replace("/", "//"), b"{}")
        assert (answer.status_code, answer.headers["Location"], answer.content) == (307, path, b"")
    answer = await engine.call("POST", "/jobs///query//?limit=1&offset=%2F")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/jobs/query/?limit=1&offset=%2F")


async def test_paths_are_taken_at_their_word_over_tcp_too(database: str) -> None:
    async with served_engine(database) as engine:
        assert (await engine.call("POST", "/jobs/query", b"{}")).status_code == 200
        assert (await engine.call("POST", "/jobs/query/", b"{}")).status_code == 404
        doubled = await engine.call("POST", f"{str(engine.http.base_url).rstrip('/')}//jobs//query?limit=1", b"{}")
        assert (doubled.status_code, doubled.headers["Location"]) == (307, "/jobs/query?limit=1")
        assert (await engine.call("POST", "/jobs/query", b"{}")).status_code == 200


async def test_doubled_slashes_lead_to_no_other_host(engine: Client) -> None:
    for path in ("//example.org/x", "//%5Cexample.org", "///example.org"):
        location = (await engine.call("GET", f"http://annals{path}")).headers["Location"]
        assert re.match(r"/[^/\\]", location), location


async def test_escaped_slashes_are_not_those_of_a_path(engine: Client) -> None:
    assert (await engine.refused("POST", "/jobs/%2Fquery", b"{}"))[0] == 404


async def test_a_path_of_the_views_may_end_with_a_slash(engine: Client) -> None:
    path = "/incidents/total-counts"
    answers = [await engine.call("GET", f"{place}?processKey=order&version=1") for place in (path, f"{path}/")]
    assert answers[0].status_code == answers[1].status_code == 200, answers[0].text


async def test_every_json_answer_ends_with_a_newline(engine: Client) -> None:
    for path in ("/jobs/query", "/processes/query", "/nope"):
        assert (await engine.call("POST", path, b"{}")).content.endswith(b"}\n")


async def test_a_partition_or_id_that_cannot_be_read_is_told_before_the_body(engine: Client) -> None:
    title = "invalid path parameter partition"
    refusal = (400, "HTTP_REQUEST_URI", title, "failed to parse value 'x'")
    assert await engine.refused("PATCH", "/jobs/x/1/complete", b"not JSON") == refusal
    refusal = (400, "VALIDATION", "invalid path parameter id", "ID 0 must be greater than 0")
    assert await engine.refused("PATCH", "/incidents/2026-11-23/0/resolve", b"not JSON") == refusal
