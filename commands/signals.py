"""Sending signals (contracts/engine.md 2.10)."""

from datetime import datetime
from typing import NamedTuple

from commands.intents import Intent, ProcessVariable


class SendSignal(Intent, frozen=True):
    """Send a signal to all that wait for it now (operation ``sendSignal``)."""

    name: str = ""
    worker_id: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class SignalAnswer(NamedTuple):
    """A signal, and how many events and start events it met."""

    id: int
    name: str
    created_at: datetime
    created_by: str
    subscriber_count: int
