"""A name server on loopback that knows a few addresses, and never answers to anything else.

A name may stand for another one (``aliases``), and have other addresses each time it is asked for.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

A, CNAME, AAAA = 1, 5, 28

#: The addresses of a name, or what is called for them at each question for those of IPv4.
Addresses = Sequence[str] | Callable[[], Sequence[str]]


@asynccontextmanager
async def answering(addresses: Mapping[str, Addresses], aliases: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Answer for these names; yield where, as ``host:port``."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(addresses, aliases or {}), local_addr=("127.0.0.1", 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


class NameServer(asyncio.DatagramProtocol):
    """Answers questions that come one to a packet (RFC 1035, 4.1; RFC 3596); an answer is to be forgotten at once."""

    def __init__(self, addresses: Mapping[str, Addresses], aliases: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._aliases = aliases

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: "tuple[str | int, ...]") -> None:
        labels, end = [], 12
        while length := data[end]:
            labels.append(data[end + 1 : end + 1 + length].decode())
            end += 1 + length
        (kind,) = struct.unpack_from("!H", data, end + 1)
        asked = ".".join(labels).lower()
        name = self._aliases.get(asked, asked)
        if name not in self._addresses:
            return
        records = [_record(b"\xc0\x0c", CNAME, _encoded(name))] if name != asked else []
        owner = _encoded(name) if name != asked else b"\xc0\x0c"
        records += [_record(owner, kind, address) for address in self._found(name, kind)]
        header = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
        self._transport.sendto(header + data[12 : end + 5] + b"".join(records), addr)

    def _found(self, name: str, kind: int) -> Sequence[bytes]:
        """Return the addresses of a name that are of a kind."""
        known = self._addresses[name]
        if callable(known):
            known = known() if kind == A else ()
        family, separator = (socket.AF_INET6, ":") if kind == AAAA else (socket.AF_INET, ".")
        return [socket.inet_pton(family, one) for one in known if separator in one and kind in {A, AAAA}]


def _record(owner: bytes, kind: int, content: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 0, len(content)) + content


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
