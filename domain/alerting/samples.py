"""Batches of samples: nothing is ever decided on one, so it has no state."""

from datetime import datetime

from domain.alerting.events import SamplesEvent


def evolve(_state: None, _event: SamplesEvent, _at: datetime, _by: str, _tenant: str) -> None:
    """Apply a batch of samples."""
