"""What every read model declares about itself; ``catalogue.py`` lists them all."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from domain.event import Recorded
from projections.database import Database


class ReadModel(msgspec.Struct, frozen=True):
    """A disposable view of the log.

    ``project`` applies a batch of facts, in order of position, with set-based SQL inside the follower's transaction,
    which also moves the position: each fact changes the rows exactly once. It looks at nothing but the facts and its
    own tables, so that a rebuild gives the same rows byte for byte. ``schema`` is the DDL of its tables (plain names,
    unique over all read models). A changed shape or meaning takes a new ``version`` and thereby a rebuild.
    """

    name: str
    version: int
    schema: str
    tables: tuple[str, ...]
    project: Callable[[Sequence[Recorded], Database], Awaitable[None]]
