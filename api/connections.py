"""Bounds of what one connection may cost: uvicorn has none for clients that are slow, or send no end of headers.

A client has ``REQUEST_SECONDS`` to send a request, from its first byte or from connecting, and ``ANSWER_SECONDS`` to
take an answer (contracts/engine.md 1.1 has such limits too). An answer in parts, of which nobody knows how many come,
may take as long as it likes, as long as the client takes something of it within that time. What is sent around bodies,
which their readers bound, may come to ``MOST_AROUND`` bytes a request: request lines, headers, frames of chunks,
trailers.
"""

import asyncio
import socket
import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.answers import json_bytes
from api.problems import PROBLEM_TYPE, Problem
from api.request_log import HEADER
from infra.requests import fresh_request_id

REQUEST_SECONDS = 10.0
ANSWER_SECONDS = 35.0

MOST_AROUND = 262_144
MOST_HEADERS = 100

#: Seconds between looks for clients that are late.
LOOK = 1.0

#: Where Linux tells in what it knows of a connection how many bytes the other side has confirmed (``struct tcp_info``).
_CONFIRMED = slice(120, 128)


class TooManyHeaders(Exception):
    """A request has more headers than any honest one."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with bounds. Who is late is found by ``cut_off_the_late``: no timer for each request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Since when the client owes the rest of a request; None while it owes nothing.
        self._awaited_since: float | None = self.loop.time()
        #: Since when there are bytes of answers that the client has not taken.
        self._offered_since: float | None = None
        #: What the client had taken at the last look, by ``_taken``.
        self._taken_before = 0
        self._around = 0

    def data_received(self, data: bytes) -> None:
        self._around += len(data)
        if self._awaited_since is None:
            self._awaited_since = self.loop.time()
        super().data_received(data)
        if self._around > MOST_AROUND and not self.transport.is_closing():
            self.send_400_response(f"more than {MOST_AROUND} bytes around the request's body")

    def on_message_begin(self) -> None:
        self._around = 0
        self._awaited_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            raise TooManyHeaders
        super().on_headers_complete()
        self.headers = []  # where trailers go: a request's headers are those that came before its body

    def on_body(self, body: bytes) -> None:
        self._around -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaited_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request and close; say nothing where that would look like the answer to another one."""
        if getattr(self.cycle, "response_complete", True):  # there is no cycle before the first request
            status = HTTPStatus.BAD_REQUEST
            body = json_bytes(Problem(status, "VALIDATION", "invalid request", msg))
            head = f"content-type: {PROBLEM_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
            named = b"%b: %b\r\n\r\n" % (HEADER, fresh_request_id())
            self.transport.write(STATUS_LINE[status] + head.encode() + named + body)
        self.transport.close()

    def cut_off_if_late(self, now: float) -> None:
        """End the connection when its client has taken too long."""
        if self.flow.read_paused:
            self._awaited_since = now  # it is us who do not take what the client has sent
        if self._awaited_since is not None and now - self._awaited_since > REQUEST_SECONDS:
            self.transport.abort()
        if not self.transport.get_write_buffer_size():
            self._offered_since = None
        elif self._offered_since is None or self._takes_parts():
            self._offered_since = now
        elif now - self._offered_since > ANSWER_SECONDS:
            self.transport.abort()

    def _takes_parts(self) -> bool:
        """Tell whether the answer comes in parts, and the client has taken something since this was asked last."""
        if not getattr(self.cycle, "chunked_encoding", False):  # there is no cycle before the first request
            return False
        before, self._taken_before = self._taken_before, self._taken()
        return self._taken_before != before

    def _taken(self) -> int:
        """Return a number that is another one when the client has taken something.

        What we hold says little: the system takes from it by the megabyte, and may not for minutes on a slow link.
        """
        if sys.platform != "linux":
            return self.transport.get_write_buffer_size()
        try:
            told = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
        except OSError:  # it is being closed
            return 0
        return int.from_bytes(told[_CONFIRMED], sys.byteorder)


async def cut_off_the_late(connections: Iterable[Any]) -> None:
    """Look after the connections of a server, which come and go, until cancelled."""
    now = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOK)
        for connection in list(connections):
            connection.cut_off_if_late(now())
