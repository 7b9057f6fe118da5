"""The engine's clock: wall clock plus a lead that tests may raise (contracts/engine.md 2.1)."""

import msgspec

from domain.access.events import EngineEvent


class EngineClock(msgspec.Struct, frozen=True):
    """``offset_ms`` is the lead over the wall clock in milliseconds."""

    offset_ms: int = 0


def evolve(event: EngineEvent) -> EngineClock:
    """Return the state after a fact; the last one says it all."""
    return EngineClock(event.offset_ms)
