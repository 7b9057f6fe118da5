"""Which addresses may be connected to on behalf of clients (reliability 5.2): public ones, and nothing else.

What is checked is the address of a socket about to connect, never the text that a client wrote: ``0177.0.0.1``, circled
digits and a name whose answer changes from one look to the next all end at an address. A name is refused as a whole
when any of its addresses is.

IPv4 inside IPv6 is judged as the IPv4 address that it leads to where such forms are in use (mapped addresses, NAT64).
Forms that nobody should use any more are refused whatever they carry: IPv4-compatible addresses, 6to4, Teredo.
"""

import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from infra.outbound_names import AddressInfo, NameLookups

#: Networks of IPv4 that are not the public internet: IANA's registry of special-purpose addresses, multicast, what is
#: reserved, and the address at which a cloud's hosts find services of their own (168.63.129.16).
SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)

#: Where public addresses of IPv6 are; whatever lies outside is special.
GLOBAL_UNICAST = IPv6Network("2000::/3")

#: What is special inside: protocol assignments with Teredo, documentation, 6to4, AS112, and the 6bone of old.
SPECIAL_V6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"))
)

#: IPv4 behind a translator (RFC 6052).
NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """The address is not a public one. It is not said which one it is: clients are not to map our network."""

    def __init__(self) -> None:
        super().__init__("not a public address")


def is_public(address: str) -> bool:
    """Tell whether an address in numbers, as sockets have it, is one of the public internet."""
    judged = _leading_to(ip_address(address))
    if isinstance(judged, IPv4Address):
        return not any(judged in network for network in SPECIAL_V4)
    return judged in GLOBAL_UNICAST and not any(judged in network for network in SPECIAL_V6)


def _leading_to(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that a form of IPv6 stands for, and every other address as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


class AddressGuard:
    """Finds addresses and opens sockets, as long as they are public; ``allow_special`` lets all others pass too.

    It is made within a loop. ``name_servers`` are asked in the place of the system's.
    """

    def __init__(self, *, allow_special: bool = False, name_servers: Sequence[str] = ()) -> None:
        self._allow_special = allow_special
        self._names = NameLookups(name_servers)

    def check(self, address: str) -> None:
        """Raise ``AddressRefused`` for an address that is not public, or that is one of this machine."""
        if not self._allow_special and (not is_public(address) or _is_own(address)):
            raise AddressRefused

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """Return a socket for this very address, not yet connected; raise ``AddressRefused``.

        It has the form that aiohttp's connector asks for: a connection to whatever the connector was told goes here.
        """
        family, kind, protocol, _, sockaddr = info
        self.check(sockaddr[0])
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(0)
        return opened

    async def look_up(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> Sequence[AddressInfo]:
        """Return the addresses of a host; raise ``gaierror``, or ``AddressRefused`` when one of them is not public."""
        infos = await self._names.look_up(host, port, family)
        for *_, sockaddr in infos:
            self.check(sockaddr[0])
        return infos

    async def close(self) -> None:
        """Give up the lookups under way."""
        await self._names.close()


def _is_own(address: str) -> bool:
    """Tell whether packets to an address would stay on this machine; none is sent to find out."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return bool(probe.getsockname()[0] == address)
    return False
