"""Sending what is due, webhook by webhook in turns, so that a slow receiver keeps nobody else waiting.

What is on its way is known here alone, until it is recorded. When a node dies in between it is sent again.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from time import perf_counter
from typing import NamedTuple, Protocol

import msgspec
import structlog

from commands.webhook_fields import SECRET_PREFIX
from domain.webhooks.webhook import Webhook
from infra.delivery import metrics
from infra.delivery.messages import delivery_id, headers_of
from infra.delivery.posting import Answer
from infra.delivery.stretches import SQL
from projections.database import Database

#: Attempts at once in all, to one webhook, and to one whose receiver has just failed.
MOST_AT_ONCE = 128
MOST_OF_A_WEBHOOK = 8
MOST_OF_A_FAILING = 2

log = structlog.get_logger(__name__)

_decode = msgspec.json.Decoder(Webhook).decode


class Due(NamedTuple):
    """A delivery that is to be sent now; ``tries`` is how often this schedule has tried, ``attempts`` all of them."""

    webhook: str
    position: int
    era: str
    sequence: int
    schedule: int
    tries: int
    attempts: int
    body: bytes
    traceparent: str | None
    tenant: str
    terms: Webhook


class Attempt(NamedTuple):
    """What came of sending; without ``answer`` nothing was sent, because nothing could be signed."""

    due: Due
    started_at: datetime
    seconds: float
    answer: Answer | None


class Secrets(Protocol):
    """Opens what the log keeps of secrets."""

    def read(self, tenant: str, webhook: str, sealed: str) -> str | None:
        """Return a secret; None when it cannot be opened."""


class Post(Protocol):
    """Makes attempts."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send a body once; whatever comes of it is an answer."""


class Sender:
    """Sends while a lease is held; ``done`` is told what came of each attempt, and calls ``recorded`` in turn."""

    def __init__(
        self,
        database: Database,
        poster: Post,
        secrets: Secrets,
        wall: Callable[[], datetime],
        done: Callable[[Attempt], None],
    ) -> None:
        self._database = database
        self._poster = poster
        self._secrets = secrets
        self._wall = wall
        self._done = done
        self._wanted: dict[str, None] = {}  # in turns: who comes first is asked first
        self._under_way: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._of_webhook: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._stirred = asyncio.Event()

    def want(self, webhooks: Iterable[str]) -> None:
        """Have a look at webhooks that may have something to be sent."""
        self._wanted.update(dict.fromkeys(webhooks))
        self._stirred.set()

    def recorded(self, attempts: Iterable[Attempt]) -> None:
        """Have these attempts be over: what is due again can be sent again."""
        for attempt in attempts:
            webhook = attempt.due.webhook
            del self._under_way[webhook, attempt.due.sequence]
            self._of_webhook[webhook] -= 1
            self._wanted[webhook] = None
        metrics.UNDER_WAY.set(len(self._under_way))
        self._stirred.set()

    async def look(self) -> None:
        """Look for webhooks that have something due."""
        self.want(row[0] for row in await self._database.fetch(SQL["with_something_due"], self._wall()))

    async def send_due(self) -> None:
        """Begin to send what is due, as far as there is room; wait for more."""
        self._stirred.clear()
        while asked := self._asked(MOST_AT_ONCE - len(self._under_way)):
            taken = list(zip(*self._under_way, strict=True)) or [(), ()]
            try:
                rows = await self._database.fetch(SQL["due"], self._wall(), list(asked), list(asked.values()), *taken)
            except BaseException:
                self._wanted = dict.fromkeys([*asked, *self._wanted])
                raise
            for row in rows:
                self._begin(Due._make((*row[:-1], _decode(row[-1]))))
            found = Counter(row[0] for row in rows)
            more = [webhook for webhook, room in asked.items() if found[webhook] == room]
            self._wanted.update(dict.fromkeys(more))
        await self._stirred.wait()

    async def stop(self) -> None:
        """Break off what is on its way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _asked(self, free: int) -> dict[str, int]:
        """Return for whose deliveries to ask, and for how many of each, in turns and within the room that is free."""
        asked: dict[str, int] = {}
        for webhook in list(self._wanted):
            if free <= 0:
                break
            most = MOST_OF_A_FAILING if webhook in self._failing else MOST_OF_A_WEBHOOK
            room = most - self._of_webhook[webhook]
            del self._wanted[webhook]  # what does not fit now is asked for when something has been recorded
            if room > 0:
                asked[webhook] = min(room, free)
                free -= room
        return asked

    def _begin(self, due: Due) -> None:
        self._of_webhook[due.webhook] += 1
        self._under_way[due.webhook, due.sequence] = asyncio.create_task(self._send(due))
        metrics.UNDER_WAY.set(len(self._under_way))

    async def _send(self, due: Due) -> None:
        at, began = self._wall(), perf_counter()
        answer = await self._answer(due, at)
        if answer is not None and answer.result == "delivered":
            self._failing.discard(due.webhook)
        else:
            self._failing.add(due.webhook)
        self._done(Attempt(due, at, perf_counter() - began, answer))

    async def _answer(self, due: Due, at: datetime) -> Answer | None:
        """Send, signed under all secrets that are valid; None where there is none that can be read."""
        try:
            keys = list(self._keys(due, at))
            if not keys:
                return None
            headers = headers_of(delivery_id(due.webhook, due.position, due.era), at, due.body, keys)
            if due.traceparent is not None:
                headers["traceparent"] = due.traceparent
            return await self._poster.post(due.terms.url, headers, due.body)
        except Exception:
            log.exception("a delivery cannot be sent", webhook=due.webhook, position=due.position)
            return None

    def _keys(self, due: Due, at: datetime) -> Iterator[bytes]:
        for secret in due.terms.secrets:
            if secret.until is None or secret.until > at:
                opened = self._secrets.read(due.tenant, due.webhook, secret.sealed)
                if opened is not None:
                    yield base64.b64decode(opened.removeprefix(SECRET_PREFIX))
