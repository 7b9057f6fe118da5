"""Taking the address to listen on, before anything else is started: a taken one must not cost a database's start."""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from infra.settings import Settings


class AddressUnusable(Exception):
    """The address is taken, or it is none of this machine's."""

    def __init__(self, settings: Settings, error: OSError) -> None:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            super().__init__(f"{where} is taken: stop what listens there, or choose another ANNALS_PORT")
        else:
            super().__init__(f"cannot listen on {where}: {error.strerror or error}")


@contextmanager
def bound_sockets(settings: Settings) -> Iterator[Sequence[socket.socket]]:
    """Bind the configured address; connections are refused until somebody listens. Raise ``AddressUnusable``."""
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(_bound(*address)) for address in _addresses(settings)]
        except OSError as error:
            raise AddressUnusable(settings, error) from error
        yield sockets


def _addresses(settings: Settings) -> Sequence[tuple[int, Any]]:
    """Return family and address of each interface that the host's name stands for."""
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _bound(family: int, address: Any) -> socket.socket:
    # The protocol is named because asyncio's own loop switches Nagle's algorithm off for sockets that name it, and for
    # no others. With it an answer, whose body comes after its head, waits 40 ms for the client's acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also while connections of a former process end
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # else it takes the IPv4 address as well
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
