"""An alert of another system, by its provider and its id there: which incident it led to last."""

from datetime import datetime

import msgspec

from domain.intakes.events import AlertEvent


class Alert(msgspec.Struct, frozen=True):
    """``incident`` is the ULID of the last incident that the alert opened."""

    incident: str


def evolve(_alert: Alert | None, event: AlertEvent, _at: datetime, _by: str, _tenant: str) -> Alert:
    """Return the state after a fact; the last one says it all."""
    return Alert(event.incident)
