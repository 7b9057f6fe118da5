"""Queries see what was written before them: they wait until their read models have come far enough (design.md 4)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from domain.rejection import InvalidInput, Unavailable
from infra.event_log.doorbell import Doorbell
from infra.following.progress import Progress
from infra.outages import passes
from projections.database import Database
from projections.read_model import ReadModel

#: Where the log and some read models stand; a read model without tables has no row.
POSITIONS = """
select head.position as head, follower.name, follower.version, follower.position,
       follower.failed_since < now() - make_interval(secs => $2) as stuck
  from log.head as head
  left join log.followers as follower on follower.name = any ($1)
"""

#: Seconds between looks at the database: while followers of this process tell when they move, and while others follow,
#: from the first look to the most patient.
LOOK_BESIDE_NEWS = 0.25
FIRST_LOOK = 0.002
LAST_LOOK = 0.05

RETRY_SECONDS = 1
RETRY_SECONDS_STUCK = 10


class ReadModelBehind(Unavailable):
    """A read model has not come far enough in time. ``retry_after`` is in seconds."""

    def __init__(self, name: str, detail: str, retry_after: int) -> None:
        super().__init__("failed to query", f"read model {name} {detail}")
        self.read_model = name
        self.retry_after = retry_after


class Standing(msgspec.Struct, frozen=True):
    """A read model as a query needs to know it: -1 when its tables are missing or of another version."""

    position: int = -1
    stuck: bool = False


class Seen(msgspec.Struct, frozen=True):
    """The last position of the log, and the read models asked for, at one moment."""

    head: int
    standings: Mapping[str, Standing]

    @property
    def reflected(self) -> int:
        """The position up to which an answer from these read models is complete."""
        return min((standing.position for standing in self.standings.values()), default=self.head)


class Reading:
    """Lets queries wait for their read models.

    ``database`` is the pool of the queries, ``progress`` that of this process's followers (which may not be following),
    ``patience`` how long a query waits, in seconds.
    """

    def __init__(
        self, database: Database, models: Iterable[ReadModel], doorbell: Doorbell, progress: Progress, patience: float
    ) -> None:
        self._database = database
        self._versions = {model.name: model.version for model in models}
        self._doorbell = doorbell
        self._progress = progress
        self._patience = patience

    async def caught_up(self, models: Sequence[str], min_position: int | None = None) -> int:
        """Return once an answer from these read models reflects everything appended before this call.

        With ``min_position``, once it reflects that position. The answer is the position that it reflects at least.
        Raise ``ReadModelBehind`` when that takes too long, ``InvalidInput`` for a position that the log has not got to:
        nobody can have been told of it. In the common case this is one round trip and no wait.
        """
        seen = await self._look(models)
        if min_position is not None and min_position > seen.head:
            raise InvalidInput("failed to query", f"position {min_position} is beyond the end of the log")
        wanted = seen.head if min_position is None else min_position
        if seen.reflected >= wanted:
            return seen.reflected
        self._doorbell.ring(seen.head)
        return await self._wait(models, wanted, seen)

    async def _wait(self, models: Sequence[str], wanted: int, seen: Seen) -> int:
        ends = _now() + self._patience
        pause = FIRST_LOOK
        while (left := ends - _now()) > 0 and not _stuck(seen, wanted):
            beside_news = all(name in self._progress.positions for name in models)
            pause = LOOK_BESIDE_NEWS if beside_news else min(2 * pause, LAST_LOOK)
            if await self._progress.until(dict.fromkeys(models, wanted), min(pause, left)):
                return wanted
            seen = await self._look(models)
            if seen.reflected >= wanted:
                return seen.reflected
        raise _behind(seen, wanted)

    async def _look(self, models: Sequence[str]) -> Seen:
        told = {name: self._progress.positions.get(name, -1) for name in models}
        try:
            rows = await self._database.fetch(POSITIONS, models, self._patience)
        except Exception as error:
            if passes(error):
                raise Unavailable("failed to query", "the database cannot be reached") from error
            raise
        found = {row["name"]: self._standing(row) for row in rows}
        seen = Seen(rows[0]["head"], {name: found.get(name, Standing()) for name in models})
        for name, standing in seen.standings.items():
            if standing.position < told[name]:  # a crash has taken commits that nobody waited for to be on the disk
                self._progress.lost(name)
        return seen

    def _standing(self, row: Mapping[str, Any]) -> Standing:
        if row["version"] != self._versions.get(row["name"]):
            return Standing()
        return Standing(row["position"], bool(row["stuck"]))


def _stuck(seen: Seen, wanted: int) -> bool:
    """Tell whether one of the read models has stood still for longer than anyone would wait."""
    return any(standing.stuck and standing.position < wanted for standing in seen.standings.values())


def _behind(seen: Seen, wanted: int) -> ReadModelBehind:
    name, standing = min(seen.standings.items(), key=lambda item: item[1].position)
    if standing.stuck:
        return ReadModelBehind(name, f"has stopped at position {standing.position}", RETRY_SECONDS_STUCK)
    if standing.position < 0:
        return ReadModelBehind(name, "is being rebuilt", RETRY_SECONDS)
    return ReadModelBehind(name, f"is at position {standing.position}, asked for is {wanted}", RETRY_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
