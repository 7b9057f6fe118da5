"""Entries as a file of any length: read and sent part by part, so that none is kept."""

from typing import Any, NamedTuple

from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from api.audit.entries import audit_entry
from api.audit.forms import Form
from api.log.leaving import unless_gone
from api.log.seats import Seats
from infra.audit.trail import Asked, Deeds, Trail
from infra.event_feed.pages import Bounds

#: Entries that are read and sent at once.
AT_ONCE = Bounds(facts=500, bytes=2_000_000)


class Wish(NamedTuple):
    """What is wanted of the audit: which deeds, after which position, how many at most (None: all), by whom."""

    asked: Asked
    after: int
    most: int | None
    credential: str


class Export:
    """An answer that ends where the log ended when it began.

    One that breaks off (the database is gone, the node stops) has no proper end as an HTTP message: clients notice.
    """

    def __init__(self, trail: Trail, wish: Wish, form: Form, seats: Seats) -> None:
        self._trail = trail
        self._wish = wish
        self._form = form
        self._seats = seats

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:
        """Return what answers, as Litestar asks each response for it."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (the form of ASGI)
        """Answer until all is told or the client is gone; raise ``TooManyRequests`` and ``Rejection`` before that."""
        with self._seats.taken(self._wish.credential):
            page = await self._page(self._wish.after, self._wish.most)
            await send(self._start(page.head))
            await unless_gone(self._send(page, send), receive)

    async def _send(self, page: Deeds, send: Send) -> None:
        head, left, body = page.head, self._wish.most, self._form.begin
        while True:
            body += b"".join(self._form.write(audit_entry(deed)) for deed in page.deeds if deed.fact.position <= head)
            left = None if left is None else left - len(page.deeds)
            if page.next >= head or left == 0:
                await send(_part(body, more=False))
                return
            if body:
                await send(_part(body, more=True))
            body = b""
            page = await self._page(page.next, left)

    async def _page(self, after: int, left: int | None) -> Deeds:
        bounds = AT_ONCE if left is None else AT_ONCE._replace(facts=min(left, AT_ONCE.facts))
        return await self._trail.page(self._wish.asked, after, bounds)

    def _start(self, head: int) -> HTTPResponseStartEvent:
        headers = [
            (b"content-type", f"{self._form.media_type}; charset=utf-8".encode()),
            (b"content-disposition", f'attachment; filename="{self._form.file}"'.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            (b"annals-position", b"%d" % head),
        ]
        return {"type": "http.response.start", "status": 200, "headers": headers}


def _part(body: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": more}
