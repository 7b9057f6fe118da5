"""The state of a signal: what was sent (contracts/engine.md 2.10)."""

from datetime import datetime

from domain.messaging.events import SignalEvent, SignalSent


def evolve(_signal: SignalSent | None, event: SignalEvent, _at: datetime, _by: str, _tenant: str) -> SignalSent:
    """Return the state after the only fact of its stream."""
    return event
