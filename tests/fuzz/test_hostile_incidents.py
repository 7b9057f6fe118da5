"""Requests to the APIs about incidents that no honest client sends: refused in their form, and nothing is stored."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from tests.faults.node import KEY
from tests.fuzz.fields import Document
from tests.fuzz.refusing import form_at, is_told
from tests.fuzz.reported import ALERTS, CHECKS, FEED, RULES, SAMPLES, UPTIME
from tests.fuzz.standing import Standing
from tests.fuzz.target import CREDENTIAL, HOST, SMALL, Reply, Target
from tests.fuzz.tenancy import Asked, asked

pytestmark = pytest.mark.usefixtures("unharmed", "nothing_stored")

MIB = 1_048_576
DIALECTS = ("/v1/", "/api/")


@pytest.fixture
async def nothing_stored(target: Target, about: Standing) -> AsyncIterator[None]:
    """Require that the log is as long as it was before the test, but for what rules and time-outs do by themselves."""
    position = await target.position()
    yield
    assert await target.position() == position


async def raw(target: Target, method: str, path: str, body: bytes = b"", more: bytes = b"") -> Reply:
    """Send a request whose path no client library tidies up, and return the answer."""
    head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n".encode("latin-1")
    received = await target.raw(head + HOST + CREDENTIAL + more + b"\r\n" + body)
    first, _, content = received.partition(b"\r\n\r\n")
    lines = first.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return Reply(int(lines[0].split()[1]), headers, content, 0)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the methods and paths of the operations of the dialects."""
    for path, methods in document["paths"].items():
        if path.startswith(DIALECTS):
            yield from ((method.upper(), path) for method in methods)


@pytest.fixture
async def document(target: Target) -> Mapping[str, Any]:
    told: Mapping[str, Any] = await target.done("GET", "/schema/openapi.json")
    return told


#: What stands where an id goes.
NO_IDS = (
    "%00",
    "inc_%00",
    "%ff",
    "%ed%a0%80",
    "%F0%9F%92%A3",
    "%zz",
    "%",
    "..",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV%2Fhistory",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV%00",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV%0D%0AX-Evil:1",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV;v=1",
    "inc_" + "0" * 8_000,
    "inc_%EF%BC%90",
    "'%20or%201=1%20--",
    "{incident_id}",
    "<script>",
    "-1",
)


@pytest.mark.parametrize("no_id", NO_IDS)
async def test_what_is_no_id_is_unknown_at_every_operation(
    target: Target, document: Mapping[str, Any], no_id: str
) -> None:
    """Every body is one that would be taken, so that nothing else is refused."""
    bodies = json.dumps({"status": "resolved"}).encode()
    for method, path in operations(document):
        if "{" not in path or "v1/webhooks" in path:
            continue
        name = path[path.index("{") : path.index("}") + 1]
        reply = await raw(target, method, path.replace(name, no_id), bodies)
        assert reply.status in {400, 404, 405}, (method, path, reply)
        if method == "GET":
            assert reply.status == 404, (path, reply)
        assert is_told(reply, path), (method, path, reply)
        assert "x-evil" not in reply.headers


@pytest.mark.parametrize("end", ["/", "//", "%2F", "/%2F", "/.", "/%20", "/nowhere", "%00", "/x/y/z"])
async def test_what_comes_after_a_path_is_elsewhere(
    target: Target, document: Mapping[str, Any], about: Standing, end: str
) -> None:
    for method, path in operations(document):
        filled = filled_in(path, about)
        reply = await raw(target, method, filled + end)
        assert reply.status in {307, 400, 404, 405}, (method, path, reply)
        if reply.status != 307:
            assert is_told(reply, unquote(filled + end)), (method, path, reply)


async def test_slashes_that_are_doubled_lead_to_the_path_with_single_ones(
    target: Target, document: Mapping[str, Any], about: Standing
) -> None:
    for method, path in operations(document):
        filled = filled_in(path, about)
        reply = await raw(target, method, f"/{filled.replace('/', '//', 2)}?x=1")
        assert (reply.status, reply.headers["location"]) == (307, f"{filled}?x=1"), (method, path)


def filled_in(path: str, about: Standing) -> str:
    document = Document({"paths": {}}, about.places, {})
    return document._filled(path)


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "SEARCH", "PROPFIND")


async def test_a_method_that_is_not_served_is_told_with_those_that_are(
    target: Target, document: Mapping[str, Any], about: Standing
) -> None:
    paths = sorted({path for _, path in operations(document)})
    assert len(paths) > 20
    for path in paths:
        served = {method.upper() for method in document["paths"][path]}
        for method in METHODS:
            if method in served:
                continue
            reply = await raw(target, method, filled_in(path, about))
            assert reply.status == 405, (method, path, reply)
            assert set(reply.headers["allow"].split(", ")) == served | {"OPTIONS"}, (method, path)
            assert method == "HEAD" or is_told(reply, path), (method, path, reply)


#: Lists, with the parameters that are numbers there.
LISTS = {
    FEED: ("limit",),
    UPTIME: ("limit", "offset", "since"),
    CHECKS: ("limit", "offset"),
    ALERTS: ("limit", "skip"),
}
NO_NUMBERS = (
    *("-1", "x", "", "%00", "1_0", "1e3", "1.0", "NaN", "Infinity", "1e400", "0x10", "%D9%A1", "+5", "%2B5"),
    *("9223372036854775808", "9" * 5_000, "5%20", "%205", "5;6", "5,6", "0000000000000000000005", "null", "[]"),
)


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_a_parameter_that_is_no_number_is_refused(target: Target, number: str) -> None:
    for path, names in LISTS.items():
        for name in names:
            reply = await raw(target, "GET", f"{path}?{name}={number}")
            assert reply.status == 400, (path, name, reply)
            assert is_told(reply, path)
            assert len(reply.body) < 1_000


async def test_a_parameter_is_given_once_and_not_empty(
    target: Target, document: Mapping[str, Any], about: Standing
) -> None:
    for path, methods in document["paths"].items():
        if not path.startswith(DIALECTS):
            continue
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] != "query":
                continue
            name, schema = parameter["name"], parameter["schema"]
            good = schema["examples"][0]
            for query in (f"{name}=", f"{name}", f"{name}={good}&{name}={good}", f"{name}=%00", f"{name}=a%0Ab"):
                reply = await raw(target, "GET", f"{filled_in(path, about)}?{query}")
                assert reply.status == 400, (path, query, reply)
                assert is_told(reply, path)


@pytest.mark.parametrize(
    "query", ["&&&", "=", "%", "%ff=%ff", "Limit=0", "limit[]=0", "a" * 5_000, "&".join(["a=1"] * 10_000)]
)
async def test_what_no_parameter_is_called_is_passed_over(target: Target, query: str) -> None:
    for path in LISTS:
        reply = await raw(target, "GET", f"{path}?{query}")
        assert reply.status == 200, (path, reply)


@pytest.mark.parametrize(
    "cursor", ["", "x", "A" * 80, "A" * 79 + "=", "%00" * 80, "A" * 100_000, "..", "null", "-" * 80]
)
async def test_a_cursor_that_is_none_of_ours_is_refused(target: Target, cursor: str) -> None:
    reply = await raw(target, "GET", f"{FEED}?cursor={cursor}")
    assert reply.status == 400, reply


#: Times that are none, or that no clock of ours can show.
NO_TIMES: tuple[Any, ...] = (
    *("", " ", "now", "today", "0", "0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
    *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T00:60:00Z"),
    *("9999-12-31T23:59:60Z", "2026-11-20T00:00:00+99:99", "2026-11-20T00:00:00+24:00", "2026-11-20T00:00:00Zulu"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", "2026-11-20T00:00:00Z\0"),
    *("\uff12\uff10\uff12\uff16-11-20T00:00:00Z", "2026-W47-5", "P1D", "1e400", "NaN", "9" * 5_000, "x" * 100_000),
    *(1e308, -1e308, 2**63, -(2**63) - 1, 2**64, 10**30, 253_402_300_800_000, True, [], {}, [1]),
)


@pytest.mark.parametrize("time", NO_TIMES, ids=lambda time: repr(time)[:30])
async def test_a_time_that_is_none_is_refused(target: Target, about: Standing, time: Any) -> None:
    report = {"severity": "major", "type": "timeout", "title": "Slow", "error_message": "no answer"}
    result = {"region": "eu", "ok": True}
    asked_for = (
        (UPTIME, {**report, "started_at": time}),
        (f"{CHECKS}/{about.check}/results", {**result, "observed_at": time}),
        (f"{CHECKS}/{about.check}/results", [result, {**result, "observed_at": time}]),
        (SAMPLES, {"metric": "errors", "value": 1, "time": time}),
        (SAMPLES, {"samples": [{"metric": "errors", "value": 1, "time": time}]}),
    )
    for path, body in asked_for:
        reply = await target.ask("POST", path, body)
        assert reply.status == 400, (path, time, reply)
        assert is_told(reply, path)


@pytest.mark.parametrize("number", ["NaN", "1e400", "-1e400", "Infinity", "9" * 4_000, '"1"', "true", "[]", "1e16"])
async def test_a_figure_that_is_none_is_refused(target: Target, about: Standing, number: str) -> None:
    rule = (
        '{"name": "n", "module": "custom", "metric": "errors", "windowMinutes": 5,'
        f' "condition": {{"operator": "gt", "threshold": {number}}}}}'
    )
    for path, body in (
        (RULES, rule),
        (SAMPLES, f'{{"metric": "errors", "value": {number}}}'),
        (SAMPLES, f'{{"metric": "errors", "failed": {number}, "total": 1}}'),
        (f"{CHECKS}/{about.check}/results", f'{{"region": "eu", "ok": true, "latency_ms": {number}}}'),
    ):
        reply = await target.ask("POST", path, body.encode())
        assert reply.status == 400, (path, reply)
        assert is_told(reply, path)


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "in chunks"])
@pytest.mark.parametrize("size", [MIB + 1, 20 * MIB])
async def test_a_body_that_is_too_large_is_refused_by_every_operation(
    target: Target, document: Mapping[str, Any], about: Standing, size: int, *, chunked: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 65_536 + 1):
            yield b" " * 65_536

    length = {} if chunked else {"Content-Length": str(65_536 * (size // 65_536 + 1))}
    for method, path in operations(document):
        if method in {"GET", "DELETE"} or "v1/webhooks" in path:
            continue
        headers = {"X-API-Key": KEY, "Content-Type": "application/json", **length}
        url = f"{target.node.url}{filled_in(path, about)}"
        async with target._session.request(method, url, data=pieces(), headers=headers) as response:
            assert response.status == 400, (method, path)
            assert response.headers["content-type"] == form_at(path).media_type


SIGNATURES = ("", "sha256=", "sha256=zz", "sha1=00", "sha256=" + "0" * 64, "sha256=" + "0" * 7_000, "\xff", "é" * 64)


@pytest.mark.parametrize("signature", SIGNATURES, ids=range(len(SIGNATURES)))
async def test_a_signature_that_is_none_opens_nothing(target: Target, signature: str) -> None:
    body = b'{"title": "Disk full", "description": "/var is full"}'
    for tenant in ("default", "none", "%00", "..", "DEFAULT", "default%20"):
        more = b"X-Webhook-Signature: " + signature.encode("latin-1") + b"\r\n"
        head = f"POST /v1/webhooks/{tenant}/custom HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
        received = await target.raw(head + HOST + b"Connection: close\r\n" + more + b"\r\n" + body)
        assert received.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 404 ")), (tenant, received)


#: Signed bodies of each provider, with something wrong in each.
WRONG_ALERTS: Mapping[str, tuple[str, ...]] = {
    "custom": (
        '{"title": "\\u0000", "description": "d"}',
        '{"title": "t", "description": "d", "tags": {"a": "\\u0000"}}',
        '{"title": "t", "description": "d", "metadata": ' + '{"a":' * 200 + "1" + "}" * 200 + "}",
        '{"title": "t", "description": "d", "severity": "worst"}',
    ),
    "alertmanager": ("{}", '{"alerts": {}}', '{"version": "4", "alerts": [1]}', '{"version": "4", "alerts": null}'),
    "pagerduty": ('{"event_action": "explode"}', '{"event_action": "trigger"}', '{"event_action": "resolve"}'),
}


@pytest.fixture(scope="module")
async def secrets(target: Target, about: Standing) -> Mapping[str, str]:
    """Return the secrets of an intake for each provider."""
    opened = {}
    for provider in WRONG_ALERTS:
        body = {"tenantId": "default", "provider": provider, "name": provider}
        opened[provider] = (await target.done("POST", "/admin/intakes", body))["secret"]
    return opened


async def test_signed_alerts_that_are_wrong_are_refused(target: Target, secrets: Mapping[str, str]) -> None:
    for provider, bodies in WRONG_ALERTS.items():
        position = await target.position()
        for body in bodies:
            reply = await asked(
                target, Asked("POST", f"/v1/webhooks/default/{provider}", body, secrets[provider]), "", ""
            )
            assert reply.status == 400, (provider, body, reply)
            assert is_told(reply, "/v1/webhooks/default/custom")
        assert await target.position() == position


async def test_keys_for_sending_once_may_be_anything_that_a_header_can_hold(target: Target) -> None:
    """What they come with is refused, so that nothing is stored whatever they are."""
    for key in (b"", b" ", b"x" * 8_000, b"\xff\xfe", b"'; drop table events; --", b"a\tb"):
        for path in (FEED, UPTIME, CHECKS, RULES, SAMPLES):
            reply = await raw(target, "POST", path, b"{}", b"Idempotency-Key: " + key + b"\r\n")
            assert reply.status == 400, (key[:20], path, reply)


async def test_refusals_are_quick(target: Target) -> None:
    reply = await target.ask("POST", FEED, b"[" * 1_000_000)
    assert reply.status == 400
    assert reply.seconds < SMALL
