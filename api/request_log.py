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
from collections.abc import Callable, Mapping
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Gauge

from api.redacted_query import redacted
from api.tracing import trace_of
from infra.measures import Count, Spread
from infra.requests import CURRENT, OpenRequest, fresh_request_id
from infra.settings import LogLevel

HEADER = b"x-request-id"

#: What identifies something and can do nothing else, wherever it is shown.
_SANE = re.compile(rb"[0-9A-Za-z._:/+=@-]{1,128}")

#: Lines a second about requests that were refused or failed.
MOST_LINES = 100

#: Characters of a path or a query that are shown.
_LONGEST = 500

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

REQUESTS = Count(
    "annals_http_requests",
    "Requests answered, by the template of their route (none: no such route), method, and class of status (none: no"
    " answer).",
    ["route", "method", "status"],
)
SECONDS = Spread(
    "annals_http_request_seconds",
    "Seconds from a request to the beginning of its answer; that of requests that wait for news includes the wait.",
    ["route", "method"],
)

OPEN = Gauge("annals_http_open_requests", "Requests that are being answered, streams among them.")

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

        async def seen(scope: Scope, receive: Receive, send: Send) -> None:
            began = now()
            request = OpenRequest(_given(scope) or fresh_request_id())
            CURRENT.set(request)
            answer = _Beginning(send, request.id, now)
            self._open += 1
            try:
                await app(scope, receive, answer)
            finally:
                self._open -= 1
                known, status = cast("Mapping[str, Any]", scope), answer.status
                route = known.get("path_template") or "none"
                method = known["method"] if known["method"] in METHODS else "other"
                REQUESTS.add((route, method, _CLASSES.get(status // 100, "none")))
                SECONDS.add((answer.began or now()) - began, (route, method))
                if self._every or status >= 400 or not status:
                    self._tell(scope, request, status, now() - began)

        return seen

    def _tell(self, scope: Scope, request: OpenRequest, status: int, seconds: float) -> None:
        level = "debug" if 0 < status < 400 else "info" if 400 <= status < 500 else "warning"
        if not self._every and self._enough():
            return
        known: Mapping[str, Any] = cast("Mapping[str, Any]", scope)
        caller = known.get("user")
        details = {
            "method": known["method"],
            "route": known.get("path_template"),
            "path": _shown(scope["raw_path"].partition(b"?")[0]),
            "query": redacted(_shown(scope["query_string"])),
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


class _Beginning:
    """Sends an answer with the request's id; notes its status, and when it began (0: not yet)."""

    __slots__ = ("_id", "_now", "_send", "began", "status")

    def __init__(self, send: Send, request_id: str, now: Callable[[], float]) -> None:
        self._send = send
        self._id = request_id
        self._now = now
        self.status = 0
        self.began = 0.0

    def __call__(self, message: Message) -> Any:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.began = self._now()
            message["headers"] = [*message["headers"], (HEADER, self._id.encode())]
        return self._send(message)


_CLASSES: Mapping[int, str] = {number: f"{number}xx" for number in range(1, 6)}


def _given(scope: Scope) -> str:
    """Return the id that a request came with, if it is one that can be kept, else nothing."""
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode("ascii") if _SANE.fullmatch(value) else ""
    return ""


def _shown(raw: bytes) -> str:
    text = raw.decode("latin-1")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
