"""A name server on loopback that knows a few addresses, and never answers to anything else."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

A = 1


@asynccontextmanager
async def answering(addresses: Mapping[str, Sequence[str]]) -> AsyncIterator[str]:
    """Answer for these names, with their addresses of IPv4; yield where, as ``host:port``."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(addresses), local_addr=("127.0.0.1", 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


class NameServer(asyncio.DatagramProtocol):
    """Answers questions that come one to a packet (RFC 1035, 4.1); of what is not IPv4 it knows none."""

    def __init__(self, addresses: Mapping[str, Sequence[str]]) -> None:
        self._addresses = addresses

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: "tuple[str | int, ...]") -> None:
        labels, end = [], 12
        while length := data[end]:
            labels.append(data[end + 1 : end + 1 + length].decode())
            end += 1 + length
        (kind,) = struct.unpack_from("!H", data, end + 1)
        known = self._addresses.get(".".join(labels).lower())
        if known is None:
            return
        found = known if kind == A else ()
        header = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        answers = b"".join(struct.pack("!HHHIH", 0xC00C, A, 1, 1, 4) + socket.inet_aton(address) for address in found)
        self._transport.sendto(header + data[12 : end + 5] + answers, addr)
