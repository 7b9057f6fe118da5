"""Clients that follow the event feed through whatever happens to the nodes they ask: by page, by long poll, by stream.

Each writes down every event that it is told, in the order in which it is told them, and goes on after the last one, at
whichever node answers. None of them ever looks back, or sorts.
"""

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import aiohttp

from tests.faults.node import KEY

#: Seconds that a request may take; streams have no end.
PATIENCE_SECONDS = 20.0


class Told(NamedTuple):
    """What a follower has been told of an event; the log has the same of it."""

    position: int
    stream: str
    version: int
    data: str


def told(event: Any) -> Told:
    return Told(int(event["id"]), event["subject"], event["streamversion"], json.dumps(event["data"]))


class Follower(ABC):
    """One who follows; ``until`` is the position at which it is enough, once that is known."""

    def __init__(self, name: str, urls: Sequence[str], chance: random.Random) -> None:
        self.name = name
        self.key = KEY
        self.seen: list[Told] = []
        self.position = 0
        self.until: int | None = None
        self.events: Counter[str] = Counter()
        self._urls = urls
        self._chance = chance
        self._url = chance.choice(urls)

    @property
    def finished(self) -> bool:
        return self.until is not None and self.position >= self.until

    async def follow(self) -> None:
        """Follow until it is enough; a connection that breaks, or an answer that none came to, is tried elsewhere."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE_SECONDS, sock_read=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(headers={"Authorization": self.key}, timeout=timeout) as session:
            while not self.finished:
                try:
                    await self._turn(session)
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    self.events["broken off"] += 1
                    self._url = self._chance.choice(self._urls)
                    await asyncio.sleep(0.02)

    @abstractmethod
    async def _turn(self, session: aiohttp.ClientSession) -> None:
        """Ask once, and take what is told."""

    async def _has_answered(self, response: aiohttp.ClientResponse) -> bool:
        """Tell whether an answer is one; the only other one that may be is that it is to be asked for again."""
        if response.status == 200:
            return True
        assert response.status == 503, (response.status, await response.text())
        self.events["answered 503"] += 1
        await asyncio.sleep(0.05)
        return False


class ByPage(Follower):
    """Asks for pages of any length, again and again; with ``wait`` an answer comes when there is something."""

    def __init__(self, name: str, urls: Sequence[str], chance: random.Random, wait: int = 0) -> None:
        super().__init__(name, urls, chance)
        self._wait = wait

    async def _turn(self, session: aiohttp.ClientSession) -> None:
        query = {"after": self.position, "limit": self._chance.choice([1, 10, 100, 1000]), "wait": self._wait}
        async with session.get(f"{self._url}/events", params=query) as response:
            if not await self._has_answered(response):
                return
            page = await response.json()
        self.seen += map(told, page["events"])
        self.position = int(page["next"])
        self.events["pages"] += 1
        if not page["events"]:
            await asyncio.sleep(0 if self._wait else 0.02)


class ByStream(Follower):
    """Listens, and goes away now and then to come back with the last id, as a browser would."""

    def __init__(self, name: str, urls: Sequence[str], chance: random.Random, stays: int) -> None:
        super().__init__(name, urls, chance)
        self._stays = stays

    async def _turn(self, session: aiohttp.ClientSession) -> None:
        leaves_after = len(self.seen) + self._chance.randint(1, 2 * self._stays)
        headers = {"Last-Event-ID": str(self.position)}
        async with session.get(f"{self._url}/events/stream", headers=headers) as response:
            if not await self._has_answered(response):
                return
            self.events["connections"] += 1
            async for position, kind, data in _events(response):
                self.position = position
                if kind == "end":
                    self.events[f"ended: {json.loads(data)['reason']}"] += 1
                    return
                if kind:
                    self.seen.append(told(json.loads(data)))
                if self.finished or len(self.seen) >= leaves_after:
                    return


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, str, str]]:
    """Yield position, kind and data of each event; a sign of life has neither kind nor data."""
    position, kind, data = 0, "", ""
    async for line in _lines(response):
        name, _, value = line.partition(": ")
        if name == "id":
            position = int(value)
        elif name == "event":
            kind = value
        elif name == "data":
            data = value
        elif not line and position:
            yield position, kind, data
            position, kind, data = 0, "", ""


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """Yield whole lines, however long; what a connection that breaks has left of one is not there."""
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode()
