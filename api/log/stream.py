"""The feed as server-sent events (WHATWG HTML, 9.2): one stream for each who listens, over one HTTP answer.

::

    retry: 2718

    id: 1042
    event: incident.opened.v1
    data: {"specversion":"1.0","id":"1042", ...}

``retry`` is how long clients wait before they come back, in milliseconds, another time for each connection. In silence
there is a comment every 15 s, with the position up to which there was nothing to tell: who reconnects goes on from
there. A stream that we end says so in a last event, ``end``, with the reason and the position to go on after.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from api.answers import json_bytes
from api.log.leaving import unless_gone
from api.log.parts import Parts
from api.log.seats import Seats
from domain.rejection import Rejection, Unavailable
from infra.event_feed.entries import Entry
from infra.event_feed.feed import EventFeed
from infra.event_feed.listening import Listener, Overrun
from infra.event_feed.pages import Bounds

MEDIA_TYPE = "text/event-stream"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx hands on at once then
]

#: What is sent at once at most.
AT_ONCE = Bounds(facts=100, bytes=128_000)


class Pulse(msgspec.Struct, frozen=True):
    """Seconds between comments in silence, and between looks whether the credential still opens anything."""

    heartbeat: float = 15.0
    look: float = 5.0


class End(msgspec.Struct, frozen=True):
    """Why a stream has ended, and the position to go on after.

    ``stopping``: the node stops; another one is there, or soon will be. ``slow``: events came faster than they were
    taken. ``credential``: it opens nothing any more. ``unreadable``: the next event cannot be read by this release.
    """

    reason: str
    next: str
    detail: str = ""


class Guest(NamedTuple):
    """Who listens, where they sit, and whether they still may."""

    seats: Seats
    credential: str
    welcome: Callable[[], Awaitable[bool]]


class EventStream:
    """An answer without an end."""

    def __init__(
        self,
        feed: EventFeed,
        listener: Listener,
        parts: Parts,
        guest: Guest,
        pulse: Pulse = Pulse(),  # noqa: B008  (frozen)
    ) -> None:
        self._feed = feed
        self._listener = listener
        self._parts = parts
        self._guest = guest
        self._pulse = pulse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (the form of ASGI)
        """Answer until the client is gone, or we are; raise ``TooManyRequests`` and ``Unavailable`` before that."""
        with self._guest.seats.taken(self._guest.credential):
            async with self._feed.live.listening():
                first = await self._listener.more(0, AT_ONCE)
                await send(_START)
                await unless_gone(self._run(first, send), receive)

    async def _run(self, first: Sequence[Entry], send: Send) -> None:
        await send(_part(b"retry: %d\n\n" % self._feed.retry() + self._events(first)))
        try:
            end = await self._told(send)
        except Overrun:
            end = self._end("slow", "events came faster than they were taken")
        except Rejection as refusal:
            end = self._end("unreadable", refusal.detail)
        await send(_part(b"id: %b\nevent: end\ndata: %b\n" % (end.next.encode(), json_bytes(end)), more=False))

    async def _told(self, send: Send) -> End:
        """Tell events as they come; return why that ends."""
        pulse = self._pulse
        quiet_since = looked_at = _now()
        while not self._listener.stopping:
            entries = await self._listener.more(min(pulse.heartbeat, pulse.look), AT_ONCE)
            now = _now()
            if now - looked_at >= pulse.look:
                if not await self._still_welcome():
                    return self._end("credential", "the credential opens nothing any more")
                looked_at = now
            if entries:
                await send(_part(self._events(entries)))
            elif now - quiet_since >= pulse.heartbeat:
                await send(_part(b": nothing new\nid: %d\n\n" % self._listener.position))
            else:
                continue
            quiet_since = _now()
        return self._end("stopping", "the node is about to stop")

    async def _still_welcome(self) -> bool:
        try:
            return await self._guest.welcome()
        except Unavailable:  # nobody can tell just now, and nothing new can be read either
            return True

    def _events(self, entries: Sequence[Entry]) -> bytes:
        return self._parts.of(entries, keep=self._listener.is_live)

    def _end(self, reason: str, detail: str) -> End:
        return End(reason, str(self._listener.position), detail)


_START: HTTPResponseStartEvent = {"type": "http.response.start", "status": 200, "headers": HEADERS}


def _part(body: bytes, *, more: bool = True) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _now() -> float:
    return asyncio.get_running_loop().time()
