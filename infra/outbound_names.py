"""Looking up names that clients name, without a thread for each: one that takes long keeps none from the others.

The system's own resolver blocks a thread until it gives up, however soon who asked has lost interest; a few slow names
would hold up all. This one waits in the background for any number, and an answer that nobody waits for is dropped.
It reads ``/etc/hosts`` and ``/etc/resolv.conf`` as the system's does, again when they change.
"""

import socket
from collections.abc import Sequence
from typing import Any, TypeAlias

import aiodns

#: What ``getaddrinfo`` returns: family, type, protocol, canonical name, address.
AddressInfo: TypeAlias = tuple[Any, Any, int, str, tuple[Any, ...]]


class NameLookups:
    """Looks names up, at the name servers of the system unless others (``host:port``) are given; made within a loop."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._resolver = aiodns.DNSResolver(servers or None)

    async def look_up(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> Sequence[AddressInfo]:
        """Return the addresses of a host, for TCP; raise ``gaierror`` where it has none, or is no name of a host."""
        try:
            name = host.encode("idna")
        except UnicodeError as error:  # a label that is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, "not a name of a host") from error
        return _numbers(name, port, family) or await self._named(name, port, family)

    async def _named(self, name: bytes, port: int, family: int) -> Sequence[AddressInfo]:
        asked = socket.AddressFamily(family)
        try:
            found = await self._resolver.getaddrinfo(name.decode(), asked, port, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
        return [
            (node.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (node.addr[0].decode(), *node.addr[1:]))
            for node in found.nodes
        ]

    async def close(self) -> None:
        """Give up the lookups under way."""
        await self._resolver.close()


def _numbers(name: bytes, port: int, family: int) -> Sequence[AddressInfo]:
    """Return the address that a name spells in numbers, as the system reads those; that takes no lookup."""
    try:
        return socket.getaddrinfo(name, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return ()
