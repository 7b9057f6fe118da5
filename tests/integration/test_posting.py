"""One attempt at a time against receivers that misbehave: it ends in its time, with one word that tells little."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.delivery.posting import MOST_BODY, Answer, Poster, Terms, opened_poster
from infra.delivery.records import Result
from infra.delivery.targets import Targets
from tests.integration.probing_targets import Authority, Talk, page, saying, served, silence

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = 0.5


@asynccontextmanager
async def posting(trust: ssl.SSLContext | None = None, seconds: float = SECONDS) -> AsyncIterator[Poster]:
    """Open what may post to loopback."""
    targets = Targets((443,), ("127.0.0.1", "localhost"))
    terms = Terms(targets, seconds, lambda: NOW, trust or ssl.create_default_context())
    async with opened_poster(terms) as poster:
        yield poster


async def posted(talk: Talk, seconds: float = 10.0) -> Answer:
    """Post to a server that talks like this, with time enough unless that is what is tried."""
    async with served(talk) as port, posting(seconds=seconds) as poster:
        return await poster.post(f"http://127.0.0.1:{port}/hook", {"webhook-id": "msg_1"}, b"{}")


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("200 OK", "delivered"),
        ("202 Accepted", "delivered"),
        ("299 Odd", "delivered"),
        ("300 Choices", "status"),
        ("410 Gone", "status"),
        ("500 Oops", "status"),
        ("999 Odd", "status"),
    ],
)
async def test_an_answer_of_200_to_299_alone_is_a_delivery(status: str, result: Result) -> None:
    assert await posted(page(status)) == (result, int(status[:3]), 0.0)


async def test_a_redirect_is_not_followed() -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as elsewhere:
        for status in ("301 M", "302 F", "303 S", "307 T", "308 P"):
            answer = await posted(page(status, headers=f"Location: http://127.0.0.1:{elsewhere}/\r\n"))
            assert answer == ("status", int(status[:3]), 0.0)
    assert heard == []


async def test_what_is_sent_is_the_body_as_it_is_under_the_headers_that_are_given_and_no_more_than_needed() -> None:
    heard: list[bytes] = []

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert (await posted(listening)).result == "delivered"
    head, _, body = heard[0].decode().partition("\r\n\r\n")
    names = {line.partition(":")[0].lower() for line in head.splitlines()[1:]}
    assert (head.splitlines()[0], body) == ("POST /hook HTTP/1.1", "{}")
    assert {"webhook-id", "user-agent", "host", "content-length"} <= names
    assert not names & {"cookie", "authorization", "referer"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("1e9", 0.0),
        ("9" * 400, 9_999_999_999.0),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
    ],
)
async def test_when_to_come_again_is_read_in_seconds_and_as_a_date(header: str, seconds: float | None) -> None:
    answer = await posted(page("429 Slow Down", headers=f"Retry-After: {header}\r\n"))
    assert (answer.result, answer.status) == ("status", 429)
    assert seconds is None or answer.retry_after == seconds


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _drip_head(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("talk", [silence, _drip_head], ids=["hangs", "drips"])
async def test_who_takes_longer_than_may_be_is_given_up(talk: Talk) -> None:
    assert await posted(talk, SECONDS) == ("timeout", None, 0.0)


@pytest.mark.parametrize(
    "talk",
    [
        _hang_up,
        _reset,
        saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
        saying(b"HTTP/1.1 abc\r\n\r\n"),
        saying(b"HTTP/1.1 20\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
        saying(b"\x16\x03\x01\x00\x00"),
        saying(b"\0" * 1000),
    ],
    ids=["hangs up", "resets", "SSH", "no status", "short status", "two lengths", "long header", "TLS", "zeros"],
)
async def test_what_is_no_answer_of_http_is_a_failed_connection(talk: Talk) -> None:
    assert await posted(talk) == ("connection", None, 0.0)


async def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with posting(seconds=10) as poster:
            assert await poster.post(f"http://127.0.0.1:{port}/", {}, b"") == ("connection", None, 0.0)


async def _endless(sent: list[int], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        await writer.drain()
        sent[0] += 0x2000


async def test_of_an_endless_answer_little_is_taken() -> None:
    sent = [0]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await _endless(sent, writer)

    assert await posted(talk) == ("delivered", 200, 0.0)
    assert sent[0] < 100 * MOST_BODY


@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints"])
async def test_who_only_ever_says_that_an_answer_will_come_is_given_up(interim: bytes) -> None:
    said = [0]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while True:
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % interim * 100)
            await writer.drain()
            said[0] += 100

    assert await posted(talk, seconds=20) == ("connection", None, 0.0)
    assert said[0] < 100_000


async def test_an_answer_that_is_announced_is_waited_for() -> None:
    announced = b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" * 2
    assert await posted(saying(announced + b"HTTP/1.1 204 No Content\r\n\r\n")) == ("delivered", 204, 0.0)


async def test_a_body_that_lies_about_itself_changes_nothing_of_the_status() -> None:
    lies = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\nnot gzip, and not 99"
    assert await posted(saying(lies)) == ("delivered", 200, 0.0)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"204 No Content\r\nContent-Length: 2\r\n\r\n{}", 204),
        (b"204 No Content\r\n\r\n<html>taken</html>\r\n", 204),
        (b"204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 204),
        (b"204 No Content\nContent-Length: 2\n\n{}", 204),
        (b"205 Reset Content\r\n\r\n{}", 205),
        (b"200 OK\r\nContent-Length: 0\r\n\r\n{}", 200),
        (b"200 OK\r\nContent-Length: 2\r\n\r\n{} and more", 200),
        (b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot in chunks", 200),
        (b"103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}", 204),
        (b"410 Gone\r\nContent-Length: 0\r\n\r\n{}", 410),
        (b"304 Not Modified\r\nContent-Length: 2\r\n\r\n{}", 304),
    ],
)
@pytest.mark.parametrize("cut", [None, 1, 10, -3], ids=["whole", "first", "head", "end"])
async def test_an_answer_is_what_its_head_says_whatever_follows_and_in_however_many_pieces(
    answer: bytes, status: int, cut: int | None
) -> None:
    whole = b"HTTP/1.1 " + answer
    pieces = [whole] if cut is None else [whole[:cut], whole[cut:]]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)

    assert await posted(talk) == ("delivered" if status < 300 else "status", status, 0.0)


async def test_an_end_of_a_head_that_comes_in_two_pieces_is_one() -> None:
    head = b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        for piece in (head[:-1], head[-1:] + b"{}"):
            writer.write(piece)
            await asyncio.sleep(0.05)

    assert await posted(talk) == ("delivered", 204, 0.0)


@pytest.mark.parametrize(
    ("names", "days", "trusted", "result"),
    [
        (("127.0.0.1",), 30.0, True, "delivered"),
        (("other.example",), 30.0, True, "tls"),
        (("127.0.0.1",), -1.0, True, "tls"),
        (("127.0.0.1",), 30.0, False, "tls"),
    ],
    ids=["valid", "another name", "expired", "of an unknown authority"],
)
async def test_a_certificate_has_to_be_trusted_and_the_hosts(
    tmp_path: Path, names: tuple[str, ...], days: float, *, trusted: bool, result: Result
) -> None:
    authority = Authority(tmp_path)
    server = authority.server(names=names, days=days)
    trust = authority.trust if trusted else None
    async with served(page(), server) as port, posting(trust, seconds=10) as poster:
        assert (await poster.post(f"https://127.0.0.1:{port}/", {}, b"")).result == result


async def test_who_speaks_no_tls_is_told_so() -> None:
    async with served(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port, posting(seconds=10) as poster:
        assert (await poster.post(f"https://127.0.0.1:{port}/", {}, b"")).result == "tls"
