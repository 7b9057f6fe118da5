"""What is kept of each request: its id, a line in the log where it failed, and figures for Prometheus.

A request has the id that its ``X-Request-Id`` gives it, where that is a sane one, else one of ours; every answer has it
in that header, and so have all log lines that are written meanwhile. At the level ``debug`` every request gets a line;
otherwise those that were refused (``info``) or failed (``warning``), and of these so many a second that a flood of them
fills no disk.

This lies around everything else, so it sees what is answered before a route is reached, and it is on the way of every
request: it costs about three microseconds of them.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

import structlog
from litestar.types import ASGIApp, Receive, Send

from api.redacted_query import redacted
from api.request_figures import OPEN, adder_of
from api.tracing import trace_of
from infra.requests import CURRENT, OpenRequest, fresh_request_id
from infra.settings import LogLevel

HEADER = b"x-request-id"

#: What identifies something and can do nothing else, wherever it is shown.
_SANE = re.compile(rb"[0-9A-Za-z._:/+=@-]{1,128}")

#: Lines a second about requests that were refused or failed.
MOST_LINES = 100

#: Characters of a path or a query that are shown.
_LONGEST = 500

log = structlog.get_logger(__name__)


class RequestLog:
    """Sees all requests of a node; ``level`` is that of its log."""

    def __init__(self, level: LogLevel, now: Callable[[], float] = time.perf_counter) -> None:
        self._every = level == "debug"
        self._now = now
        self._open = 0
        self._second = 0
        self._lines = 0
        OPEN.set_function(lambda: self._open)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with ids, lines and figures."""
        now = self._now

        async def seen(scope: Any, receive: Receive, send: Send) -> None:
            began = now()
            request = _Request(send, _given(scope["headers"]) or fresh_request_id(), now)
            CURRENT.set(request)
            self._open += 1
            try:
                await app(scope, receive, request.send)
            finally:
                self._open -= 1
                status = request.status
                add = adder_of(scope.get("path_template"), scope["method"], status)
                add((request.answered or now()) - began)
                if self._every or status >= 400 or not status:
                    self._tell(scope, request, now() - began)

        return seen

    def _tell(self, scope: Any, request: "_Request", seconds: float) -> None:
        if not self._every and self._enough():
            return
        status, caller = request.status, scope.get("user")
        level = "debug" if 0 < status < 400 else "info" if 400 <= status < 500 else "warning"
        details = {
            "method": scope["method"],
            "route": scope.get("path_template"),
            "path": unquote(_shown(scope["raw_path"].partition(b"?")[0])),  # as meant: so secrets are seen as such
            "query": unquote(redacted(_shown(scope["query_string"]))),
            "status": status or None,
            "milliseconds": round(seconds * 1000, 1),
            "tenant": caller and caller.tenant,
            "commands": request.commands if request.commands > 1 else None,
            "traceparent": trace_of(scope),
        }
        getattr(log, level)("request", **{name: value for name, value in details.items() if value})

    def _enough(self) -> bool:
        """Tell whether this second has had its lines."""
        second = int(self._now())
        if second != self._second:
            left_out, self._second, self._lines = self._lines - MOST_LINES, second, 0
            if left_out > 0:
                log.warning("requests that have no line of their own", requests=left_out)
        self._lines += 1
        return self._lines > MOST_LINES


class _Request(OpenRequest):
    """Sends its answer with its id; notes the status, and when it was answered (0: not yet)."""

    __slots__ = ("_now", "_send", "answered", "status")

    def __init__(self, send: Send, raw_id: bytes, now: Callable[[], float]) -> None:
        self.raw_id = raw_id
        self.correlation_id = ""
        self.commands = 0
        self.status = 0
        self.answered = 0.0
        self._send = send
        self._now = now

    def send(self, message: Any) -> Any:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered = self._now()
            message["headers"] = [*message["headers"], (HEADER, self.raw_id)]
        return self._send(message)


def _given(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the id that a request came with, if it is one that can be kept, else nothing."""
    for name, value in headers:
        if name == HEADER:
            return value if _SANE.fullmatch(value) else b""
    return b""


def _shown(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
