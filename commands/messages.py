"""Sending messages (contracts/engine.md 2.9)."""

from datetime import datetime
from typing import NamedTuple

from commands.intents import Intent, ProcessVariable, Timer


class SendMessage(Intent, frozen=True):
    """Send a message to the one that waits for it, or keep it until it expires (operation ``sendMessage``)."""

    correlation_key: str = ""
    name: str = ""
    worker_id: str = ""
    expiration_timer: Timer | None = None
    unique_key: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class MessageAnswer(NamedTuple):
    """A message; ``expires_at`` is None while it is correlated and what it triggers has not run."""

    id: int
    name: str
    correlation_key: str
    unique_key: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    correlated: bool
