"""Bytes that no honest client sends: the node refuses them, or ends the connection, and serves everyone else."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.node import KEY
from tests.fuzz.target import CREDENTIAL, HOST, SMALL, Target

pytestmark = pytest.mark.usefixtures("unharmed")

JSON = b"Content-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /jobs/query HTTP/1.1\r\n" + HOST + CREDENTIAL + JSON
MIB = 1_048_576

NO_REQUESTS = {
    "bytes": b"\x00\x01\x02\r\n\r\n",
    "a TLS handshake": bytes.fromhex("16030100a5010000a10303") + b"\x00" * 160,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3.0": b"GET /healthz HTTP/3.0\r\n\r\n",
    "a method that is none": b"NONSENSE /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT localhost:5432 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of 100,000 characters": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query string of 200,000 characters": b"GET /healthz?" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a header without a colon": GET + b"oops\r\n\r\n",
    "a blank before the colon": GET + b"A : b\r\n\r\n",
    "a NUL in a header": GET + b"A: b\x00c\r\n\r\n",
    "a folded header": GET + b"A: b\r\n c\r\n\r\n",
    "lines that end with LF": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "lines that end with CR": b"GET /healthz HTTP/1.1\rHost: x\r\r",
    "101 headers": GET + b"".join(b"X-%d: y\r\n" % number for number in range(100)) + b"\r\n",
    "50,000 headers": GET + b"".join(b"X-%d: y\r\n" % number for number in range(50_000)) + b"\r\n",
    "a header of a megabyte": GET + b"X: " + b"a" * MIB + b"\r\n\r\n",
    "a header of a megabyte that goes on": GET + b"X: " + b"a" * MIB,
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "a length of 23 digits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a length that is no number": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "another transfer encoding": POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a chunk of negative size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "a chunk of a size that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk of more than 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n",
    "trailers of a megabyte": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: " + b"a" * MIB + b"\r\n\r\n",
    "frames of chunks of a megabyte": POST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"1;" + b"a" * 1_000 + b"\r\n \r\n" for _ in range(1_000)),
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_is_refused_and_the_connection_ends(target: Target, sent: bytes) -> None:
    began = time.monotonic()
    received = await target.raw(sent)
    assert time.monotonic() - began < SMALL
    if received:  # what is too large may be cut off before anybody reads the answer
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 "), received
        assert b"content-type: application/problem+json" in head.lower()
        assert b"\r\nx-request-id: " in head
        assert json.loads(body)["status"] == 400


async def test_a_second_request_that_is_none_does_not_look_like_the_first_one_s_answer(target: Target) -> None:
    received = await target.raw(POST + b"Content-Length: 2\r\n\r\n{}" + b"NONSENSE\r\n\r\n")
    assert not received or received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", [200]),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-API-Key: stolen\r\n\r\n", [200]),
        (POST + b"\r\n", [400]),
        (POST + b"Content-Length: 0\r\n\r\n", [400]),
        (POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", [200]),
        (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AA==\r\n\r\n", [200]),
        (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n", [200]),
        (GET + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n", [200, 200]),
        ((GET + b"\r\n") * 500, [200] * 500),
        (b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n", [405]),
        (b"TRACE /jobs/query HTTP/1.1\r\n" + HOST + CREDENTIAL + b"\r\n", [405]),
        (b"OPTIONS /jobs/query HTTP/1.1\r\n" + HOST + b"\r\n", [204]),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
        (b"SEARCH /jobs/query HTTP/1.1\r\n" + HOST + CREDENTIAL + b"\r\n", [405]),
    ],
)
async def test_each_request_gets_one_answer(target: Target, sent: bytes, answers: list[int]) -> None:
    received = await target.raw(sent, wait=0.5)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]
    assert [status for status in statuses if status != 100] == answers


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/%ff",
        "/%ed%a0%80",
        "/%zz",
        "/jobs/../admin/keys",
        "/jobs/%2e%2e/admin/keys",
        "/schema/x",
        "/schema/../../etc/passwd",
        "/schema/%2e%2e%2fpasswd",
        "/..%2f..%2fetc%2fpasswd",
        "/jobs;v=1/query",
        "/JOBS/QUERY",
        "/jobs/query%2f",
        "/admin",
        "/admin/tenants/%00",
        "/process-instances/2026-11-20/1",
        "/" + "a/" * 10_000,
    ],
)
async def test_a_path_at_which_nothing_is_served_is_told_as_such(target: Target, path: str) -> None:
    received = await target.raw(f"GET {path} HTTP/1.1\r\n".encode() + HOST + CREDENTIAL + b"\r\n", wait=0.5)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.split()[1] in {b"404", b"405"}, received
    assert json.loads(body)["type"] in {"NOT_FOUND", "METHOD_NOT_ALLOWED"}


@pytest.mark.parametrize(
    "part", ["%00", "1%00", "0", "-1", "2147483648", "9" * 5_000, "1e3", "0x1", "%20", "%EF%BC%91"]
)
async def test_an_id_in_a_path_is_a_positive_int32(target: Target, part: str) -> None:
    for method, path, body in (
        ("GET", f"/processes/{part}/bpmn-xml", None),
        ("GET", f"/process-instances/2026-11-20/{part}/variables", None),
        ("PATCH", f"/jobs/2026-11-20/{part}/complete", {"workerId": "w"}),
        ("PATCH", f"/incidents/2026-11-20/{part}/resolve", {"workerId": "w"}),
    ):
        reply = await _as_written(target, method, path, body)
        assert reply.startswith(b"HTTP/1.1 400 "), (path, reply)


@pytest.mark.parametrize(
    "day",
    ["0000-01-01", "10000-01-01", "2026-13-01", "2026-02-30", "2026-1-1", "-001-01-01", "today", "%00", "20261120"],
)
async def test_a_partition_is_a_date(target: Target, day: str) -> None:
    for method, path, body in (
        ("GET", f"/element-instances/{day}/1/variables", None),
        ("PATCH", f"/process-instances/{day}/1/suspend", {"workerId": "w"}),
    ):
        reply = await _as_written(target, method, path, body)
        assert reply.startswith(b"HTTP/1.1 400 "), (path, reply)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_a_day_without_instances_has_nothing(target: Target, day: str) -> None:
    assert (await target.ask("GET", f"/process-instances/{day}/1/variables")).status == 404
    assert (await target.ask("PATCH", f"/jobs/{day}/1/complete", {"workerId": "w"})).status == 404
    assert (await target.ask("POST", "/jobs/query", {"partition": day})).told["count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        *("limit=-1", "limit=2147483648", "limit=x", "limit=", "limit=%00", "limit=1_0", "limit=1;offset=2"),
        *("limit=%D9%A1", "limit=" + "9" * 5_000, "offset=-1", "offset=1e3", "minPosition=-1"),
        *("minPosition=9223372036854775808", "minPosition=9223372036854775807", "limit=x&limit=1"),
    ],
)
async def test_a_number_in_a_query_string_that_is_none_or_out_of_range_is_refused(target: Target, query: str) -> None:
    reply = await _as_written(target, "POST", f"/jobs/query?{query}", {})
    assert reply.startswith(b"HTTP/1.1 400 "), reply


@pytest.mark.parametrize(
    "query", ["&&&", "=", "%", "limit[]=1", "a" * 5_000, "&".join(["a=1"] * 10_000), "limit=1&limit=x"]
)
async def test_what_no_parameter_is_called_is_passed_over(target: Target, query: str) -> None:
    assert (await _as_written(target, "POST", f"/jobs/query?{query}", {})).startswith(b"HTTP/1.1 200 ")


async def _as_written(target: Target, method: str, path: str, body: object) -> bytes:
    """Send a request whose path no client library tidies up; return the answer."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(content)}\r\nConnection: close\r\n".encode()
    return await target.raw(head + HOST + CREDENTIAL + JSON + b"\r\n" + content)


async def test_a_body_of_exactly_a_mebibyte_is_read_and_one_byte_more_is_not(target: Target) -> None:
    for size, told in ((MIB, "failed to create process"), (MIB + 1, "invalid request body")):
        frame = len(json.dumps({"bpmnProcessId": "p", "version": "1", "workerId": "w", "bpmnXml": ""}))
        body = {"bpmnProcessId": "p", "version": "1", "workerId": "w", "bpmnXml": "x" * (size - frame)}
        reply = await target.ask("POST", "/processes", body)
        assert reply.told["title"] == told
    assert reply.told["detail"] == "request body size must not exceed 1MB"


@pytest.mark.parametrize("size", [MIB + 1, 20 * MIB, 200 * MIB])
@pytest.mark.parametrize("framing", ["by length", "in chunks"])
async def test_a_body_that_is_too_large_is_refused_while_it_comes(target: Target, size: int, framing: str) -> None:
    position = await target.position()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(size // 65_536 + 1):
            yield b" " * 65_536

    length = {"Content-Length": str(65_536 * (size // 65_536 + 1))} if framing == "by length" else {}
    started = time.monotonic()
    async with target._session.post(
        f"{target.node.url}/processes",
        data=body(),
        headers={"X-API-Key": KEY, "Content-Type": "application/json", **length},
    ) as response:
        told = await response.json(content_type=None)
    assert (response.status, told["detail"]) == (400, "request body size must not exceed 1MB")
    assert time.monotonic() - started < 5 * SMALL
    assert await target.position() == position


async def test_bodies_that_end_early_are_no_requests(target: Target) -> None:
    position = await target.position()
    body = json.dumps({"bpmnProcessId": "well", "version": "1", "workerId": "w"}).encode()
    start = b"POST /process-instances HTTP/1.1\r\n" + HOST + CREDENTIAL + JSON
    await asyncio.gather(
        *(
            target.raw(start + b"Content-Length: %d\r\n\r\n" % (len(body) + 10) + body, wait=0.2, half_close=half)
            for half in (True, False)
        ),
        target.raw(start + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body, wait=0.2),
    )
    assert await target.position() == position


async def test_addresses_that_a_client_claims_to_have_are_not_believed(target: Target) -> None:
    claims = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "ftp",
        "Forwarded": "for=10.0.0.1",
        "X-Real-IP": "::1",
    }
    overrides = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/admin/keys", "X-Rewrite-URL": "/admin/keys"}
    assert (await target.ask("POST", "/jobs/query", {}, headers=claims | overrides)).status == 200
    assert (await target.ask("POST", "/jobs/query", {}, key="", headers=claims)).status == 401
