"""One attempt to deliver: a POST within its time, and one word for how it ended.

Redirects are not followed: where they lead nobody has registered. Of an answer the head is looked at, and nothing is
kept but the status and when to come again.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple

import aiohttp
import structlog

from infra.delivery.records import Result
from infra.delivery.retries import retry_after
from infra.delivery.targets import Target, TargetRefused, Targets
from infra.outbound_addresses import AddressGuard, AddressRefused
from infra.outbound_http import guarded_session

#: Bytes of an answer's body that are taken, so that its sender is not cut off in the middle of it, and seconds for it.
MOST_BODY = 65_536
BODY_SECONDS = 1.0

#: What errors of libraries and of the system come to; the first that fits counts.
RESULTS: Sequence[tuple[tuple[type[Exception], ...], Result]] = (
    ((TargetRefused, AddressRefused, aiohttp.InvalidURL), "address"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "address"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    ((Exception,), "connection"),
)

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """How an attempt ended; ``status`` where there was an answer, ``retry_after`` seconds where it asked for them."""

    result: Result
    status: int | None = None
    retry_after: float = 0.0


class Terms(NamedTuple):
    """What may be sent where: ``seconds`` is how long an attempt may take, ``trust`` which certificates are valid."""

    targets: Targets
    seconds: float
    wall: Callable[[], datetime]
    trust: ssl.SSLContext
    name_servers: Sequence[str] = ()


class Poster:
    """Makes attempts; the private targets have a client of their own, which may go to any address."""

    def __init__(self, terms: Terms, public: aiohttp.ClientSession, private: aiohttp.ClientSession) -> None:
        self._terms = terms
        self._public = public
        self._private = private
        self._user_agent = f"annals/{version('annals')}"

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body once; whatever comes of it is an answer."""
        try:
            target = self._terms.targets.target(url)
            async with asyncio.timeout(self._terms.seconds):
                response = await self._sent(target, headers, body)
        except Exception as error:  # noqa: BLE001  (whatever receivers do, it is their delivery's outcome and no more)
            return Answer(_result_of(error))
        await _taken(response)
        status = response.status
        if 200 <= status < 300:
            return Answer("delivered", status)
        return Answer("status", status, retry_after(response.headers.get("retry-after"), self._terms.wall()))

    async def _sent(self, target: Target, headers: Mapping[str, str], body: bytes) -> aiohttp.ClientResponse:
        client = self._private if target.private else self._public
        own = {"user-agent": self._user_agent, "accept": "*/*", "accept-encoding": "identity"}
        return await client.post(target.url, headers={**own, **headers}, data=body, allow_redirects=False)


@asynccontextmanager
async def opened_poster(terms: Terms) -> AsyncIterator[Poster]:
    """Open what attempts are made with."""
    async with AsyncExitStack() as stack:
        clients = []
        for allow_special in (False, True):
            guard = AddressGuard(allow_special=allow_special, name_servers=terms.name_servers)
            stack.push_async_callback(guard.close)
            session = guarded_session(
                guard, terms.trust, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
            )
            clients.append(await stack.enter_async_context(session))
        yield Poster(terms, *clients)


async def _taken(response: aiohttp.ClientResponse) -> None:
    """Take the beginning of a body, whatever it is, and hang up."""
    with suppress(Exception):
        async with asyncio.timeout(BODY_SECONDS):
            await response.content.readexactly(MOST_BODY)
    response.close()


def _result_of(error: Exception) -> Result:
    """Return the word for an error. It does not tell open ports from closed ones of addresses that are refused."""
    behind = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(behind, AddressRefused):
        return "address"
    result = next(word for kinds, word in RESULTS if isinstance(error, kinds))
    if result == "connection" and not isinstance(error, (aiohttp.ClientError, OSError, EOFError)):
        log.warning("a delivery ended in an unforeseen way", error=repr(error))
    return result
