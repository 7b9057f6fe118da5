"""The status of a canonical incident, and the union of all moves that any dialect may ask for (incidents.md 0.1).

::

    open, acknowledged, triaging, investigating, awaiting_approval, remediating    any of these to any other
      ├── resolved ── closed
      │      └─────── open         reopened
      ├── closed ──── open         reopened
      └── canceled                 its subject is gone; nothing follows
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    TRIAGING = "triaging"
    INVESTIGATING = "investigating"
    AWAITING_APPROVAL = "awaiting_approval"
    REMEDIATING = "remediating"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELED = "canceled"


#: The statuses of an incident that somebody still has to work on.
UNRESOLVED = frozenset(Status) - {Status.RESOLVED, Status.CLOSED, Status.CANCELED}

MOVES: Mapping[Status, frozenset[Status]] = {
    **{status: frozenset(Status) - {status} for status in UNRESOLVED},
    Status.RESOLVED: frozenset({Status.CLOSED, Status.OPEN}),
    Status.CLOSED: frozenset({Status.OPEN}),
    Status.CANCELED: frozenset(),
}
