"""Where each read model stands: for the list of projections, readiness, metrics, and the followers themselves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from infra.event_log.tail import End
from infra.following.batches import SQL
from projections.database import Database
from projections.read_model import ReadModel

#: ``live``: follows the log. ``failed``: stands before a fact that it cannot apply, and tries again now and then.
#: ``outdated``: the tables are of an older version, or of facts that the log has lost; they are rebuilt.
#: ``newer``: the tables are of a newer release, which follows them. ``missing``: no follower has made the tables yet.
State = Literal["live", "failed", "outdated", "newer", "missing"]


class Row(msgspec.Struct, frozen=True):
    """What the database says of a read model; ``rebuilt_to`` is how far a rebuild beside it has come, if any."""

    name: str
    version: int
    position: int
    failed_at: int | None
    error: str | None
    failed_since: datetime | None
    rebuilt_to: int | None


class Standings(msgspec.Struct, frozen=True):
    """Where the log ends, and all read models, at one moment."""

    end: End
    rows: Mapping[str, Row]

    @property
    def head(self) -> int:
        """The last position of the log."""
        return self.end.position


class Standing(msgspec.Struct, frozen=True):
    """Where a read model stands. ``lag`` is the number of facts between it and the head of the log.

    ``failed_at`` is the position of the fact that it cannot apply, ``error`` and ``failed_since`` are why and since
    when. ``rebuilt_to`` is the position of a rebuild that is under way.
    """

    name: str
    version: int
    position: int
    head: int
    lag: int
    state: State
    error: str | None = None
    failed_at: int | None = None
    failed_since: datetime | None = None
    rebuilt_to: int | None = None


async def standings(database: Database) -> Standings:
    """Look where the log and the read models stand."""
    end, rows = End(0, None), {}
    for row in await database.fetch(SQL["standings"]):
        head, command, *values = row.values()
        end = End(head, command)
        if values[0] is not None:
            rows[values[0]] = Row(*values)
    return Standings(end, rows)


async def status(database: Database, models: Iterable[ReadModel]) -> Sequence[Standing]:
    """Say where each read model stands, for people; in the order of the catalogue."""
    seen = await standings(database)
    return [standing_of(model, seen) for model in models]


def standing_of(model: ReadModel, seen: Standings) -> Standing:
    row = seen.rows.get(model.name)
    if row is None:
        return Standing(model.name, model.version, 0, seen.head, seen.head, "missing")
    return Standing(
        model.name,
        row.version,
        row.position,
        seen.head,
        max(0, seen.head - row.position),
        state_of(model, seen),
        row.error,
        row.failed_at,
        row.failed_since,
        row.rebuilt_to,
    )


def state_of(model: ReadModel, seen: Standings) -> State:
    row = seen.rows.get(model.name)
    if row is None:
        return "missing"
    if row.version > model.version:
        return "newer"
    if row.version < model.version or row.position > seen.head:
        return "outdated"
    return "live" if row.failed_at is None else "failed"
