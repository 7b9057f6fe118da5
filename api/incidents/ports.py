"""What the APIs about incidents need of the rest of the program; the composition gives it once, at start."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from commands.handling import Commands
from domain.event import Recorded
from infra.replaying.causes import Causes
from infra.replaying.replays import Replays
from projections.database import Database


class Readings(Protocol):
    """Waiting for read models, so that queries see what was written before them."""

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return the position that answers from these read models reflect; raise ``Unavailable`` in time."""


class Streams(Protocol):
    """The log itself, for histories."""

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        """Return the facts of a stream with a version greater than ``after``, in order, the first ``limit`` of them."""

    async def read_all(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to ``limit`` facts after a position, in order."""


class Tracking(NamedTuple):
    """The incident domain as its APIs see it.

    ``database`` is where queries read. ``fingerprint`` tells requests apart without telling what is in them; it is
    keyed, so that it signs cursors too. ``replays`` and ``causes`` tell histories.
    """

    commands: Commands
    readings: Readings
    database: Database
    streams: Streams
    replays: Replays
    causes: Causes
    fingerprint: Callable[[bytes], str]
