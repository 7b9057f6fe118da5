"""A keep-alive HTTP/1.1 connection for load: one request at a time, as little work for each as can be.

The generator shares the machine with what it measures, so a full client's hundred microseconds a request would be
measured too. It reads answers with a Content-Length or without a body, which is all that our server sends.
"""

import asyncio
from typing import Any, Self, cast
from urllib.parse import urlsplit

import msgspec


class Refused(Exception):
    """The server answered with an unexpected status."""


class Connection(asyncio.Protocol):
    """Open with ``Connection.to(url, key)``, then ``await call(...)``."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def to(cls, url: str, key: str) -> Self:
        """Connect to a server that takes this API key."""
        parts = urlsplit(url)
        head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls((head + "Content-Length: ").encode()), parts.hostname or "127.0.0.1", parts.port or 80
        )
        return connection

    async def call(self, method: str, path: str, body: Any, expected: int) -> Any:
        """Return the decoded answer; raise ``Refused`` for any other status than ``expected``."""
        status, answer = await self._send(method, path, msgspec.json.encode(body))
        if status != expected:
            raise Refused(f"{method} {path} was answered {status}: {answer[:300].decode(errors='replace')}")
        return msgspec.json.decode(answer) if answer else None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(f"{method} {path}".encode() + self._head + b"%d\r\n\r\n" % len(body) + body)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"connection lost: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = head.find(b"content-length:")
        size = int(head[length + 15 :].split(b"\r\n", 1)[0]) if length >= 0 else 0
        if len(self._received) < end + 4 + size:
            return
        body = bytes(self._received[end + 4 : end + 4 + size])
        del self._received[: end + 4 + size]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))
