"""An HTTP client for addresses that clients name: guarded, without proxies, cookies or redirects (reliability 5.2)."""

import socket
import ssl
from functools import partial
from typing import Any

from aiohttp import ClientConnectionError, ClientResponse, ClientSession, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from infra.outbound_addresses import AddressGuard
from infra.outbound_answers import HeadsFirst

#: Interim answers (1xx) that are taken before the answer itself. There may be any number of them, and each costs time.
MOST_INTERIM = 10


class BoundedResponse(ClientResponse):
    """An answer that comes before long: who only ever says that one will come keeps a processor busy with that."""

    async def start(self, connection: Connection) -> ClientResponse:
        """Read up to the body; raise ``ClientConnectionError`` after too many interim answers."""
        protocol = connection.protocol
        assert protocol is not None  # noqa: S101  (it has just been sent on)
        read, left = protocol.read, MOST_INTERIM

        async def counted() -> Any:
            nonlocal left
            if left < 0:
                raise ClientConnectionError("too many interim answers")
            left -= 1
            return await read()

        protocol.read = counted  # type: ignore[method-assign]  # of this very connection, which serves no other request
        return await super().start(connection)


class GuardedResolver(AbstractResolver):
    """Looks names up; one with an address that is not public has none. Numbers never come here, but to the socket."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host."""
        infos = await self._guard.look_up(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=sockaddr[0],
                port=port,
                family=found,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, protocol, _, sockaddr in infos
        ]

    async def close(self) -> None:
        """Leave the guard to its owner."""


class HeadsFirstConnector(TCPConnector):
    """Connections whose answers are known by their heads; aiohttp has no other place to say so."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        handler: type[ResponseHandler] = HeadsFirst
        self._factory = partial(handler, loop=self._loop)


def guarded_session(guard: AddressGuard, trust: ssl.SSLContext, **more: Any) -> ClientSession:
    """Return a client that makes a connection of its own for each request. Redirects are the caller's to refuse."""
    connector = HeadsFirstConnector(
        resolver=GuardedResolver(guard),
        socket_factory=guard.open_socket,
        ssl=trust,
        use_dns_cache=False,
        force_close=True,
        limit=0,
    )
    return ClientSession(
        connector=connector, response_class=BoundedResponse, trust_env=False, cookie_jar=DummyCookieJar(), **more
    )
