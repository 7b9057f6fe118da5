"""What a decision may use besides the states it was given: who asks, what time it is, fresh ids, and the ports.

Ports are declared here, beside their consumer; ``infra`` satisfies them.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

import msgspec

from domain.event import Actor, Append, Recorded
from domain.identity import IdKind


class IdsExhausted(Exception):  # noqa: N818  (a signal to fetch a new block and decide again, not an error)
    """The block of ids at hand is used up, or lies below ids that the instance already has."""

    def __init__(self, kind: IdKind, day: date | None) -> None:
        super().__init__(f"no ids of kind {kind} at hand")
        self.kind = kind
        self.day = day


class Ids(Protocol):
    """Fresh ids from blocks reserved ahead: unique across nodes, rising, with gaps."""

    def next(self, kind: IdKind, day: date | None, above: int = 0) -> int:
        """Return an id greater than ``above``; raise ``IdsExhausted`` when the block at hand has none."""

    def ulid(self) -> str:
        """Return a fresh ULID (26 characters)."""


class Context(msgspec.Struct, frozen=True):
    """Who asks for what, and when. ``now`` is engine time, UTC, cut to milliseconds; ``now.date()`` its partition.

    ``command_id`` is stored with the append: the same id never takes effect twice. ``fingerprint`` tells whether two
    requests with one idempotency key are the same request.
    """

    tenant: str
    actor: Actor
    now: datetime
    ids: Ids
    command_id: str
    causation_id: str | None = None
    fingerprint: str = ""


class Decision(msgspec.Struct, frozen=True):
    """What a command comes to: facts for one or more streams, all or nothing, and the answer for the caller."""

    appends: tuple[Append, ...]
    answer: Any = None


class Conflict(Exception):  # noqa: N818  (the log's answer; the command is decided again)
    """A stream is not at the version that the decision was made on."""


class Log(Protocol):
    """The event log as commands use it."""

    async def append(self, decision: Decision, context: Context) -> int:
        """Append all or nothing in the next batch; return the position of the last fact.

        Raise ``Conflict`` when a stream has moved on, ``Unavailable`` when the outcome cannot be had in time.
        """

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        """Return the facts of a stream with a version greater than ``after``, in order."""
