"""An HTTP client for addresses that clients name: guarded, without proxies, cookies or redirects (reliability 5.2)."""

import socket
import ssl
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from infra.outbound_addresses import AddressGuard


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


def guarded_session(guard: AddressGuard, trust: ssl.SSLContext, **more: Any) -> ClientSession:
    """Return a client that makes a connection of its own for each request. Redirects are the caller's to refuse."""
    connector = TCPConnector(
        resolver=GuardedResolver(guard),
        socket_factory=guard.open_socket,
        ssl=trust,
        use_dns_cache=False,
        force_close=True,
        limit=0,
    )
    return ClientSession(connector=connector, trust_env=False, cookie_jar=DummyCookieJar(), **more)
