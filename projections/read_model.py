"""What every read model declares about itself; ``catalogue.py`` lists them all."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from domain.event import Event, Recorded
from projections.database import Database


class ReadModel(msgspec.Struct, frozen=True):
    """A disposable view of the log.

    ``project`` applies a batch of facts, in order of position, with set-based SQL inside the follower's transaction,
    which also moves the position: each fact changes the rows exactly once. It looks at nothing but the facts and its
    own tables, so that a rebuild gives the same rows byte for byte however the facts were parted into batches.
    ``schema`` is the DDL of its tables: plain names, unique over all read models, a primary key each; what a rebuild
    moves into the place of the live ones are these tables with their indexes, so no views, functions or types.

    ``facts`` are those that ``project`` looks at; it is given no others, and does not stop at one of the others that
    cannot be read. Empty, it is given all. A changed shape or meaning, or one more fact looked at, takes a new
    ``version`` and thereby a rebuild.
    """

    name: str
    version: int
    schema: str
    tables: tuple[str, ...]
    project: Callable[[Sequence[Recorded], Database], Awaitable[None]]
    facts: tuple[type[Event], ...] = ()
