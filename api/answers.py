"""Answers that are ready to send: status, headers and bytes, made once and written as they are.

They are ASGI applications. Litestar's own responses carry cookies, encodings and background work that no route of ours
needs, and cost ten microseconds more each.
"""

from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

JSON_TYPE = b"application/json"

_encode = msgspec.json.Encoder().encode

#: What JSON texts write as escapes so that they can stand in HTML (contracts/engine.md 1.1), as UTF-8.
_ESCAPES = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def json_bytes(body: Any) -> bytes:
    """Encode a body as clients get it: a newline at the end, no character in it that HTML or JavaScript would read.

    These characters can stand nowhere in JSON but inside texts, so that replacing them in the bytes is sound.
    """
    encoded = _encode(body) + b"\n"
    for character, escape in _ESCAPES:
        if character in encoded:
            encoded = encoded.replace(character, escape)
    return encoded


class Answer:
    """A response that is ready to send."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", media_type: bytes = b"", position: int = 0) -> None:
        """Take the body's type, and the place in the log that the answer reflects (0: none)."""
        self.status = status
        self.body = body
        self.headers: list[tuple[bytes, bytes]] = []
        if media_type:
            self.headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
        if position:
            self.headers.append((b"annals-position", b"%d" % position))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (the form of ASGI)
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def json_answer(status: int, body: Any, position: int = 0) -> Answer:
    """Answer with JSON."""
    return Answer(status, json_bytes(body), JSON_TYPE, position)


def empty_answer(position: int = 0) -> Answer:
    """Answer that it is done."""
    return Answer(204, position=position)
