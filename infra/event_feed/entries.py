"""Facts on their way out of the log: as they are stored, with their envelope.

The state of a fact is handed on as the bytes that the log keeps. It is decoded once all the same: who follows the log
is told of a fact that cannot be read, and is never led past it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.rejection import Unavailable
from infra.codec import UnreadableFact, decode

#: In the order in which ``Entry`` has them.
COLUMNS = """notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id, traceparent"""


class Entry(NamedTuple):
    """A fact with its place in the log; ``fault`` says why it cannot be read, where it cannot."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    tenant: str
    actor_kind: str
    actor_id: str
    happened_at: datetime
    recorded_at: datetime
    correlation_id: str
    causation_id: str | None
    traceparent: str | None = None
    fault: str = ""


class UnreadableEvent(Unavailable):
    """The fact at ``position`` cannot be read by this release; nobody is led past it."""

    def __init__(self, entry: Entry) -> None:
        super().__init__("failed to read the log", f"the event at position {entry.position}: {entry.fault}")
        self.position = entry.position
        self.retry_after = 10


def entry_of(row: Any) -> Entry:
    """Return the entry of a row with ``COLUMNS``."""
    entry = Entry(*row)
    try:
        decode(entry.topic, entry.state)
    except Exception as error:  # noqa: BLE001  (a fact that cannot be read stops its readers, whatever the reason)
        reason = error.reason if isinstance(error, UnreadableFact) else repr(error)
        return entry._replace(fault=f"cannot read a fact of type {entry.topic}: {reason}")
    return entry


def readable(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries before the first that cannot be read; raise ``UnreadableEvent`` where that is the first."""
    for index, entry in enumerate(entries):
        if entry.fault:
            if index == 0:
                raise UnreadableEvent(entry)
            return entries[:index]
    return entries
