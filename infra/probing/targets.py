"""Where a check leads to: checks other than of the web name a host in one of several ways."""

from typing import NamedTuple
from urllib.parse import urlsplit

from infra.probing.outcomes import Failed

#: Ports of addresses that say none.
PORTS = {"http": 80, "https": 443, "ssl": 443, "tls": 443}


class Target(NamedTuple):
    host: str
    port: int


def target_of(text: str, usual_port: int = 0) -> Target:
    """Read ``host:port``, ``host``, or a URL whose path does not count; raise ``Failed`` where no host or port is told.

    An address of IPv6 stands in brackets.
    """
    try:
        address = urlsplit(text if "://" in text else f"//{text}")
        host, port = address.hostname or "", address.port or PORTS.get(address.scheme, usual_port)
    except ValueError:
        host, port = "", 0
    if not host:
        raise Failed("connection_error", "the target names no host")
    if not port:
        raise Failed("connection_error", "the target names no port")
    return Target(host, port)
