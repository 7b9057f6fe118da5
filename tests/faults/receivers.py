"""Receivers of deliveries that misbehave, each in its way, now and then; they note everything that comes.

What they get they hold against the reference library of Standard Webhooks, under the secret that it was sent with.
"""

import asyncio
import base64
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

#: Seconds that an attempt may take in the campaign, and for which late receivers keep it waiting.
TIME_OUT = 1.0
TOO_LONG = 1.5

#: Deliveries after which the receiver that goes away is gone.
UNTIL_GONE = 20

#: A way to answer. None says that there is no more to say: the connection was seen to.
Manner = Callable[[web.Request], Awaitable[int | None]]


class Came(NamedTuple):
    """One delivery as it came: which event, with which number and bytes, and whether it was taken."""

    id: str
    position: int
    sequence: int
    digest: str
    taken: bool


class Kind(NamedTuple):
    """How often a receiver misbehaves, from 0 to 1, and how."""

    often: float
    manner: Manner
    ordered: bool = False


async def _answers(status: int) -> int:
    return status


async def _late(_request: web.Request) -> int | None:
    await asyncio.sleep(TOO_LONG)
    return 204


async def _hangs(_request: web.Request) -> int | None:
    await asyncio.sleep(20 * TIME_OUT)
    return 500


async def _resets(request: web.Request) -> int | None:
    if request.transport is not None:  # the sender may be gone by now
        request.transport.abort()
    return None


async def _drips(request: web.Request) -> int | None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
        _write(request, bytes([byte]))
        await asyncio.sleep(0.05)
    return await _resets(request)


async def _lies(request: web.Request) -> int | None:
    _write(request, b"HTTP/1.1 2OO 0K\r\nContent-Length: -7\r\n\r\n\0\0")
    return await _resets(request)


def _write(request: web.Request, raw: bytes) -> None:
    if request.transport is not None:
        request.transport.write(raw)


async def _slow(_request: web.Request) -> int | None:
    await asyncio.sleep(0.1)
    return 204


KINDS: Mapping[str, Kind] = {
    "steady": Kind(0, lambda _: _answers(204)),
    "slow": Kind(0.2, _slow),
    "late": Kind(0.02, _late),
    "hanging": Kind(0.01, _hangs),
    "resetting": Kind(0.1, _resets),
    "dripping": Kind(0.01, _drips),
    "lying": Kind(0.1, _lies),
    "redirecting": Kind(0.1, lambda _: _answers(307)),
    "busy": Kind(0.1, lambda _: _answers(429)),
    "broken": Kind(0.2, lambda _: _answers(500)),
    "going": Kind(0, lambda _: _answers(204)),
    "in order": Kind(0.03, lambda _: _answers(503), ordered=True),
}


class Receivers:
    """All of them at one port, by path; ``secrets`` are what they verify with."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.came: defaultdict[str, list[Came]] = defaultdict(list)
        self.unverified: list[str] = []
        self.secrets = {
            kind: "whsec_" + base64.b64encode(hashlib.sha256(f"{seed} {kind}".encode()).digest()).decode()
            for kind in KINDS
        }
        self.away = True
        self._chance = random.Random(seed)

    def url_of(self, kind: str) -> str:
        return f"{self.url}/{kind.replace(' ', '-')}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note a delivery, and answer it in the manner of the one who gets it."""
        kind = request.path[1:].replace("-", " ")
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            Verifier(self.secrets[kind]).verify(body, headers, json_parse=False)
        except WebhookVerificationError as error:
            self.unverified.append(f"{headers.get('webhook-id')}: {error}")
        status = await self._status(kind, request)
        event = json.loads(body)
        taken = status is not None and status < 300
        digest = hashlib.sha256(body).hexdigest()
        self.came[kind].append(Came(headers["webhook-id"], int(event["id"]), event["webhooksequence"], digest, taken))
        extra = {"Retry-After": "1"} if status == 429 else {"Location": self.url_of("steady")}
        return web.Response(status=status or 500, headers=extra)

    async def _status(self, kind: str, request: web.Request) -> int | None:
        if kind == "going" and self.away and len(self.came[kind]) >= UNTIL_GONE:
            return 410
        often, manner, _ = KINDS[kind]
        return await manner(request) if self._chance.random() < often else 204


@asynccontextmanager
async def receiving(seed: int) -> AsyncIterator[Receivers]:
    """Serve on loopback."""
    receivers = Receivers(seed)
    app = web.Application()
    app.router.add_route("*", "/{kind}", receivers.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    receivers.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receivers
    finally:
        await runner.cleanup()
