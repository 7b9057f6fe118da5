"""A node on a database of its own, and a client that follows its log."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from api.composition import open_node
from api.listening import bound_sockets
from api.log.following import LogFeed
from api.log.seats import Seats
from api.log.stream import Pulse
from api.serving import Serving
from commands.context import Context, Decision
from domain.event import Actor, Append, Event
from domain.intakes.events import AlertRaised
from infra.event_feed.feed import EventFeed
from infra.event_feed.live import Keeping
from infra.settings import Settings
from tests.contract.feeding import FeedClient
from tests.contract.working import OWNER

__all__ = ["OWNER", "EventClient", "Sse", "event_client", "positions", "served_events"]


def positions(events: Sequence[Mapping[str, Any]]) -> list[int]:
    return [int(event["id"]) for event in events]


class EventClient(FeedClient):
    """Follows the log with the owner's key unless it is told otherwise."""

    async def events(self, query: str = "", **headers: str) -> Any:
        return await self.ok("GET", f"/events?{query}", **headers)

    async def asked(self, query: str = "", **headers: str) -> Response:
        return await self.call("GET", f"/events?{query}", **headers)

    async def followed(self, query: str = "", after: int = 0, **headers: str) -> list[Any]:
        """Go from page to page until the end of the log."""
        found: list[Any] = []
        while True:
            answer = await self.asked(f"after={after}&{query}", **headers)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["events"]
            after = int(page["next"])
            if after == int(answer.headers["annals-position"]):
                return found

    async def appended(self, stream: str, *facts: Event, tenant: str = "default", expected: int | None = None) -> int:
        """Append facts as if a command had, and return the position of the last one."""
        commands = self.node.commands
        context = Context(
            tenant,
            Actor("system", "system"),
            commands.clock.now(),
            commands._ids,
            commands._cipher,
            command_id=commands._ids.ulid(),
        )
        version = len(await self.node.log.read(stream)) if expected is None else expected
        return await self.node.log.append(Decision((Append(stream, version, facts),)), context)

    async def noted(self, number: int, stream: str = "alert-a", tenant: str = "default") -> int:
        """Append so many facts of no importance; return the position of the last one."""
        return await self.appended(stream, *(AlertRaised(f"{n}") for n in range(number)), tenant=tenant)


class Sse:
    """A stream of server-sent events over TCP, read as a browser reads it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.last_id = ""
        self.comments: list[str] = []
        self.retry = 0
        self._body = b""
        self._ended = False

    async def event(self, seconds: float = 20.0) -> tuple[str, Any] | None:
        """Return the next event's type and data; None at the end of the stream."""
        async with asyncio.timeout(seconds):
            while True:
                kind, data = "", ""
                while line := (await self._line()).rstrip("\n"):
                    name, _, value = line.partition(": ")
                    if not name or name.startswith(":"):
                        self.comments.append(line)
                    elif name == "id":
                        self.last_id = value
                    elif name == "event":
                        kind = value
                    elif name == "retry":
                        self.retry = int(value)
                    elif name == "data":
                        data += value
                if data:
                    return kind, json.loads(data)
                if self._ended:
                    return None

    async def events(self, number: int) -> list[Any]:
        """Return so many events of the log."""
        return [told[1] for told in [await self.event() for _ in range(number)] if told]

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def _line(self) -> str:
        """Return a line of the body, which comes in chunks; an empty one at the end."""
        while b"\n" not in self._body:
            size = 0 if self._ended else int((await self.reader.readline()).strip() or b"0", 16)
            if not size:
                self._ended = True
                return ""
            self._body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        line, _, self._body = self._body.partition(b"\n")
        return line.decode() + "\n"


class ServedEvents:
    """A node behind an HTTP server on TCP."""

    def __init__(self, client: EventClient, serving: Serving) -> None:
        self.client = client
        self.node = client.node
        self.serving = serving
        self._opened: list[Sse] = []

    async def close(self) -> None:
        """Close every stream that a test has left open."""
        for sse in self._opened:
            await sse.close()

    async def listen(self, query: str = "", key: str = OWNER, receive: int | None = None, **headers: str) -> Sse:
        """Open a stream; ``receive`` is how many bytes the client takes in ahead of reading."""
        sse, status = await self.tried(query, key, receive, **headers)
        assert status == 200
        return sse

    async def tried(
        self, query: str = "", key: str = OWNER, receive: int | None = None, **headers: str
    ) -> tuple[Sse, int]:
        host, port = self.serving.url.removeprefix("http://").split(":")
        link = socket.socket()
        link.settimeout(0)
        if receive is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=link, limit=receive or 65_536)
        lines = [f"GET /events/stream?{query} HTTP/1.1", f"Host: {host}:{port}", f"Authorization: {key}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        sse = Sse(reader, writer)
        self._opened.append(sse)
        return sse, status


def _settings(database: str, **more: Any) -> Settings:
    return Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)


@asynccontextmanager
async def event_client(database: str, **more: Any) -> AsyncIterator[EventClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    async with open_node(_settings(database, **more)) as node:
        app: Any = create_app(node)  # httpx and Litestar write ASGI's types differently
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://annals") as http:
            yield EventClient(node, http)


@asynccontextmanager
async def served_events(
    database: str, keeping: Keeping | None = None, pulse: Pulse | None = None, seats: Seats | None = None, **more: Any
) -> AsyncIterator[ServedEvents]:
    """Open a node behind an HTTP server on TCP, and a client that is there until the server has stopped."""
    given = _settings(database, host="127.0.0.1", port=0, **more)
    async with AsyncClient(timeout=60) as http, open_node(given) as opened, asyncio.TaskGroup() as tasks:
        feed = EventFeed(opened.pools.queries, opened.log.doorbell, keeping or Keeping())
        reading = tasks.create_task(feed.run())
        node = msgspec.structs.replace(opened, feed=feed)
        with pytest.MonkeyPatch.context() as patched, bound_sockets(given) as sockets:
            patched.setattr("api.app.LogFeed", partial(LogFeed, pulse=pulse or Pulse()))
            patched.setattr("api.app.Seats", lambda: seats or Seats())
            async with Serving(create_app(node), given, sockets, node.hurry) as serving:
                http.base_url = serving.url
                served = ServedEvents(EventClient(node, http), serving)
                try:
                    yield served
                finally:
                    await served.close()
        reading.cancel()
