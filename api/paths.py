"""Paths are taken at their word: Litestar would serve ``/jobs/query/`` and ``//jobs/query`` as ``/jobs/query``.

A path with a slash at its end is unknown, and one with doubled slashes is elsewhere (contracts/engine.md 1.1).
"""

import re
from collections.abc import Awaitable
from http import HTTPStatus
from urllib.parse import quote

from litestar.types import ASGIApp, Receive, Scope, Send

from api.answers import Answer
from api.dialects import refused
from api.insight.routes import INSIGHT_PATHS
from api.refusals import UnknownPath

_SLASHES = re.compile(r"/{2,}")

#: What may stand in a path as it is (RFC 3986, 3.3); of the rest, a browser might read a backslash as a slash.
_OF_PATHS = "/%:@!$&'()*+,;=~"


def exact_paths(app: ASGIApp) -> ASGIApp:
    """Return the application for paths as they are meant; the others are answered without it."""

    def exact(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path = scope["path"]
        if "//" in path or (path[-1:] == "/" and path[:-1] not in INSIGHT_PATHS):
            return _elsewhere(scope)(scope, receive, send)
        return app(scope, receive, send)

    return exact


def _elsewhere(scope: Scope) -> Answer:
    """Lead to the path without doubled slashes; refuse one that has none, or only escaped ones."""
    given = scope["raw_path"].decode("latin-1")
    cleaned = _SLASHES.sub("/", given)
    if cleaned == given:
        return refused(scope["path"], UnknownPath(scope["path"]))
    answer = Answer(HTTPStatus.TEMPORARY_REDIRECT)
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    answer.headers = [(b"location", quote(cleaned, safe=_OF_PATHS).encode() + query), (b"content-length", b"0")]
    return answer
