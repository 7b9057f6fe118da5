"""The event log: appending by the writer, reading by query (``commands.context.Log``)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, Self

from commands.context import Context, Decision, Snapshot, Stored
from domain.event import Actor, Recorded
from domain.rejection import Unavailable
from infra.codec import UnreadableFact, decode
from infra.event_log.continuity import Continuity
from infra.event_log.doorbell import Doorbell
from infra.event_log.request import TRIED
from infra.event_log.writer import PATIENCE, Writer
from infra.outages import passes

COLUMNS = """notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
       happened_at, recorded_at, correlation_id, causation_id"""

STREAM = f"""
select {COLUMNS}
  from log.events
 where originator_id = $1 and originator_version > $2
 order by originator_version
 limit $3
"""  # noqa: S608  (our own names)

ALL = f"""
select {COLUMNS}
  from log.events
 where notification_id > $1 and notification_id <= $1 + $2
 order by notification_id
"""  # noqa: S608  (our own names; positions have no gaps, so the second bound is a limit)

HEAD = "select position from log.head"

COMMAND = "select fingerprint, position, answer from log.commands where command_id = $1"

SNAPSHOT = """
select kept.version, kept.state, fact.notification_id as position, fact.correlation_id as command
  from log.snapshots as kept
  left join log.events as fact on fact.originator_id = kept.stream and fact.originator_version = kept.version
 where kept.stream = $1 and kept.shape = $2
"""

SAVE_SNAPSHOT = """
insert into log.snapshots as kept (stream, version, shape, state) values ($1, $2, $3, $4)
on conflict (stream) do update
   set version = excluded.version, shape = excluded.shape, state = excluded.state
 where kept.version <= excluded.version or kept.shape <> excluded.shape
"""


class UnreadablePosition(UnreadableFact):
    """The fact at ``position`` cannot be read; everything before it can."""

    def __init__(self, position: int, error: UnreadableFact) -> None:
        super().__init__(error.topic, f"at position {position}: {error.reason}")
        self.position = position


class Reads(Protocol):
    """A pool of connections to the database of the log."""

    async def execute(self, query: str, /, *args: Any) -> Any: ...

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class EventLog:
    """The log of one database.

    ``database`` serves the reads, ``connect`` opens the writer's own connection, ``now`` is the wall clock, and
    ``patience`` is how long an append may take, in seconds. ``check`` raises ``ConnectionError`` while it is known that
    nothing can be appended. The doorbell rings after each commit of this process. What is read or appended is noted in
    ``continuity``.
    """

    def __init__(
        self,
        database: Reads,
        connect: Callable[[], Awaitable[Any]],
        now: Callable[[], datetime],
        patience: float = PATIENCE,
        check: Callable[[], None] = lambda: None,
        continuity: Continuity | None = None,
    ) -> None:
        self.doorbell = Doorbell()
        self.continuity = continuity or Continuity()
        self._check = check
        self._database = database
        self._writer = Writer(connect, now, self.doorbell, patience, self.continuity)
        #: What this process appended last, for the followers in it.
        self.tail = self._writer.tail

    async def __aenter__(self) -> Self:
        async with _reading():
            await self.continuity.begin(self._database)
        self.doorbell.hear(await self.head())
        self._writer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.close()

    async def append(self, decision: Decision, context: Context) -> int:
        """Append all or nothing in the next batch; see ``commands.context.Log``."""
        if not decision.appends and not context.keep_answer:
            return self.doorbell.head
        try:
            self._check()
        except ConnectionError as error:
            raise Unavailable(TRIED, f"{error}; it did not take effect") from error
        return await self._writer.append(decision, context)

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        """Return the facts of a stream with a version greater than ``after``, in order, the first ``limit`` of them.

        Raise ``UnreadablePosition`` when one of them cannot be read: a state without it would be a wrong one.
        """
        async with _reading():
            rows = await self._database.fetch(STREAM, stream, after, limit)
        self._note(rows)
        return [_recorded(row) for row in rows]

    async def read_all(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to ``limit`` facts after a position, in order.

        Raise ``UnreadablePosition`` when the very first cannot be read; one further on ends the answer before it.
        """
        async with _reading():
            rows = await self._database.fetch(ALL, after, limit)
        self._note(rows)
        facts: list[Recorded] = []
        try:
            facts.extend(map(_recorded, rows))
        except UnreadablePosition:
            if not facts:
                raise
        return facts

    async def head(self) -> int:
        """Return the position of the last fact."""
        async with _reading():
            head: int = await self._database.fetchval(HEAD)
        return head

    async def find_command(self, command_id: str) -> Stored | None:
        """Return what is kept of a command of the last 24 hours, or None."""
        async with _reading():
            row = await self._database.fetchrow(COMMAND, command_id)
        return None if row is None else Stored(row["fingerprint"], row["position"], row["answer"])

    async def load_snapshot(self, stream: str, shape: str) -> Snapshot | None:
        """Return the snapshot of a stream, unless its state has another shape by now."""
        async with _reading():
            row = await self._database.fetchrow(SNAPSHOT, stream, shape)
        if row is None:
            return None
        if row["position"] is not None:
            self.continuity.note(row["position"], row["command"])
        return Snapshot(row["version"], row["state"])

    async def save_snapshot(self, stream: str, shape: str, snapshot: Snapshot) -> None:
        """Keep a snapshot, unless there is a later one of the same shape."""
        async with _reading():
            await self._database.execute(SAVE_SNAPSHOT, stream, snapshot.version, shape, snapshot.state)

    def _note(self, rows: Sequence[Any]) -> None:
        if rows:
            self.continuity.note(rows[-1]["notification_id"], rows[-1]["correlation_id"])


@asynccontextmanager
async def _reading() -> AsyncIterator[None]:
    """Turn an outage of the database into ``Unavailable``."""
    try:
        yield
    except Exception as error:
        if passes(error):
            raise Unavailable("failed to read the log", "the database cannot be reached") from error
        raise


def _recorded(row: Any) -> Recorded:
    position, stream, version, topic, state, tenant, actor_kind, actor_id, happened_at, recorded_at, command, cause = (
        row
    )
    try:
        event = decode(topic, state)
    except UnreadableFact as error:
        raise UnreadablePosition(position, error) from error
    actor = Actor(actor_kind, actor_id)
    return Recorded(position, stream, version, event, tenant, actor, happened_at, recorded_at, command, cause)
