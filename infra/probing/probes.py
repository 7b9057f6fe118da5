"""One probe of a check of any type, from its start to what it found."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter
from typing import NamedTuple

import aiohttp

from domain.monitoring.events import CheckSettings, CheckType
from infra.outbound_addresses import AddressGuard
from infra.outbound_http import guarded_session
from infra.probing.connecting import probe_certificate, probe_name, probe_port
from infra.probing.outcomes import Outcome, outcome_of
from infra.probing.web import probe_web

Probe = Callable[[CheckSettings], Awaitable[None]]


class Instruments(NamedTuple):
    """What probes are made with: ``trust`` says which certificates are valid, ``wall`` what time it is in the world."""

    guard: AddressGuard
    client: aiohttp.ClientSession
    trust: ssl.SSLContext
    wall: Callable[[], datetime]


class Probes:
    """Probes checks of the types that can be probed from outside; every problem of a target is an outcome."""

    def __init__(self, instruments: Instruments) -> None:
        guard, client, trust, wall = instruments
        web: Probe = lambda check: probe_web(client, check)  # noqa: E731  (one probe for two types)
        self._by_type: Mapping[CheckType, Probe] = {
            "http": web,
            "keyword": web,
            "tcp": lambda check: probe_port(guard, check),
            "dns": lambda check: probe_name(guard, check),
            "ssl": lambda check: probe_certificate(guard, check, trust, wall),
        }

    @property
    def types(self) -> tuple[CheckType, ...]:
        return tuple(self._by_type)

    async def probe(self, check: CheckSettings) -> Outcome:
        """Probe once, within the check's time-out. What nobody foresaw is raised."""
        began = perf_counter()  # the loop's own clock may go by milliseconds
        try:
            async with asyncio.timeout(check.timeout_ms / 1000):
                await self._by_type[check.type](check)
        except Exception as error:
            outcome = outcome_of(error)
            if outcome is None:
                raise
            return outcome
        return _in_time(check, round((perf_counter() - began) * 1000, 3))


def _in_time(check: CheckSettings, latency_ms: float) -> Outcome:
    """Return that all is well, unless it took longer than it should."""
    longest = check.slow_threshold_ms
    if longest is not None and latency_ms > longest:
        return Outcome("slow_response", f"it took {latency_ms:.0f} ms, more than {longest} ms", latency_ms)
    return Outcome(latency_ms=latency_ms)


@asynccontextmanager
async def opened_probes(
    wall: Callable[[], datetime], *, allow_special: bool, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Probes]:
    """Open what probes are made with; ``allow_special`` lets them reach addresses that are not public."""
    trust = trust or ssl.create_default_context()
    guard = AddressGuard(allow_special=allow_special)
    try:
        async with guarded_session(guard, trust, timeout=aiohttp.ClientTimeout(total=None)) as client:
            yield Probes(Instruments(guard, client, trust, wall))
    finally:
        await guard.close()
