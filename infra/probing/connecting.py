"""Probes below HTTP: the name of a host, a TCP connection, a certificate."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from domain.monitoring.events import CheckSettings
from infra.outbound_addresses import AddressGuard
from infra.probing.outcomes import Failed
from infra.probing.targets import Target, target_of

#: A certificate that ends within this time is told before it has ended: it has to be renewed now.
ENDS_SOON = timedelta(days=14)

#: The port of targets that name none; to look a name up, any would do.
PORT_OF_TLS = 443


async def probe_name(guard: AddressGuard, check: CheckSettings) -> None:
    """Look a name up: it has addresses, all of them public."""
    await guard.look_up(*target_of(check.target_url, PORT_OF_TLS))


async def probe_port(guard: AddressGuard, check: CheckSettings) -> None:
    """Connect, and go away without a word."""
    async with connected(guard, target_of(check.target_url)):
        pass


async def probe_certificate(
    guard: AddressGuard, check: CheckSettings, trust: ssl.SSLContext, now: Callable[[], datetime]
) -> None:
    """Shake hands under a certificate that is trusted, is the host's, and does not end soon."""
    target = target_of(check.target_url, PORT_OF_TLS)
    async with connected(guard, target) as opened:
        _, writer = await asyncio.open_connection(sock=opened, ssl=trust, server_hostname=target.host)
        try:
            ends_at = _end_of(writer.get_extra_info("peercert"))
        finally:
            writer.transport.abort()
    if ends_at - now() < ENDS_SOON:
        raise Failed("ssl_error", f"the certificate ends at {ends_at:%Y-%m-%d %H:%M} UTC")


@asynccontextmanager
async def connected(guard: AddressGuard, target: Target) -> AsyncIterator[socket.socket]:
    """Return a connection to the first address of a host that takes one; raise what the last one refused it with."""
    problem = OSError("no address")
    for info in await guard.look_up(*target):
        opened = guard.open_socket(info)
        try:
            await asyncio.get_running_loop().sock_connect(opened, info[4])
        except OSError as error:
            opened.close()
            problem = error
            continue
        except BaseException:
            opened.close()
            raise
        with opened:
            yield opened
            return
    raise problem


def _end_of(certificate: "dict[str, str]") -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
