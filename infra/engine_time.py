"""Keeping the engine's clock as the log says: its lead over the wall clock is an appended fact all nodes follow."""

import asyncio

import structlog

from commands.context import Log
from domain.access.clock import EngineClock, evolve
from domain.event import Recorded
from domain.identity import ENGINE_STREAM
from domain.rejection import Unavailable
from infra.clock import Clock

#: How often another node's change is looked for, in seconds.
POLLED = 0.25

log = structlog.get_logger()


class EngineTime:
    """Sets a clock by the facts of the engine's stream."""

    def __init__(self, events: Log, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._version = 0

    async def catch_up(self) -> None:
        """Take over what the log says by now."""
        for fact in await self._events.read(ENGINE_STREAM, self._version):
            if fact.version > self._version:  # else another catch-up was faster, and knows more
                self._version = fact.version
                self._clock.offset_ms = _clock_after(fact).offset_ms

    async def run(self) -> None:
        """Follow what other nodes append, until cancelled."""
        told = False
        while True:
            try:
                await self.catch_up()
                told = False
            except Unavailable as outage:
                if not told:  # once for each outage: it may last for days
                    log.warning("engine time may be old", reason=outage.detail)
                told = True
            await asyncio.sleep(POLLED)


def _clock_after(fact: Recorded) -> EngineClock:
    return evolve(fact.event)  # type: ignore[arg-type]  # by its stream
