"""Importing an exported log into a database that has none: all of it, verified line by line, or nothing.

Everything that is not a read model is there afterwards: the events, how far each stream and the whole log have come,
the decision tables, the ids that are free. Read models are filled from the log as ever. Commands of the last day are
not known any more: an idempotency key that was used before the export is a new one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Protocol

import msgspec

from infra.codec import UnreadableFact, decode
from infra.event_feed.lines import EventLine, IdBlock, is_last, last_line, read_event, read_last
from infra.event_log.rebuilding import apply_changes
from infra.outages import passes

#: Events that are copied together.
CHUNK = 5_000

COLUMNS = (
    "notification_id",
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "tenant",
    "actor_kind",
    "actor_id",
    "happened_at",
    "recorded_at",
    "correlation_id",
    "causation_id",
    "traceparent",
)

#: Whoever appends waits until this is over, and finds the log full then.
HEAD = "select position from log.head for update"
IS_EMPTY = "select not exists (select from log.events) and not exists (select from log.streams)"
SET_HEAD = "update log.head set position = $1"
ADD_BLOCK = "insert into log.id_blocks (kind, day, next) values ($1, coalesce($2::date, '-infinity'), $3)"
FORGET_BLOCKS = "delete from log.id_blocks"

#: What happened elsewhere was told to webhooks there.
TELL_NOTHING = "update delivery.progress set position = 0, silent_upto = $1"

#: Called with the number of events that are read.
OnRead = Callable[[int], None]


class ImportRefused(Exception):
    """What is to be imported is not a whole log in order, or there is a log already; nothing has been written."""


class Session(Protocol):
    """A connection, in a transaction."""

    async def execute(self, query: str, /, *args: Any) -> Any: ...

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...

    async def copy_records_to_table(
        self, _table: str, /, *, records: Iterable[Any], columns: Sequence[str], schema_name: str
    ) -> Any: ...


class Verifier:
    """Reads lines in order; whatever is not as it has to be raises ``ImportRefused`` with the number of the line."""

    def __init__(self) -> None:
        self.position = 0
        self.versions: dict[str, int] = {}
        self.id_blocks: Sequence[IdBlock] | None = None
        self._digest = sha256()

    def events(self, lines: Iterable[bytes]) -> Iterator[EventLine]:
        """Yield the events; at their end there has to be the last line, and nothing behind it."""
        for number, line in enumerate(lines, 1):
            try:
                if self.id_blocks is not None:
                    raise ImportRefused("there is more behind the end")  # noqa: TRY301  (the number is added below)
                if is_last(line):
                    self._end(line)
                else:
                    yield self._event(line)
                    self._digest.update(line)
            except (ImportRefused, UnreadableFact, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ImportRefused(f"line {number}: {error}") from error
        if self.id_blocks is None:
            raise ImportRefused("the end is missing: this is a part of an export")

    def _event(self, line: bytes) -> EventLine:
        event = read_event(line)
        self._follow(event)
        decode(event.type, bytes(event.data))
        bytes(event.data).decode()  # what no release looks at is handed on as it is
        _check_time(event.happened_at)
        _check_time(event.recorded_at)
        if any("\0" in text for text in _texts(event)):
            raise ImportRefused("a text has a character that no database keeps")
        return event

    def _follow(self, event: EventLine) -> None:
        """Refuse an event that does not follow the one before it, in the log or in its stream."""
        if event.position != self.position + 1:
            raise ImportRefused(f"position {event.position} does not follow {self.position}")
        before = self.versions.get(event.stream, 0)
        if event.version != before + 1:
            raise ImportRefused(f"version {event.version} of {event.stream} does not follow {before}")
        if not event.tenant or not event.stream:
            raise ImportRefused("an event has a stream and a tenant")
        self.position, self.versions[event.stream] = event.position, event.version

    def _end(self, line: bytes) -> None:
        last = read_last(line)
        if last.end != self.position:
            raise ImportRefused(f"the end is {last.end}, the last event {self.position}")
        if line != last_line(last.end, last.id_blocks, self._digest) + b"\n":
            raise ImportRefused("the lines are not those that were exported: their SHA-256 is another one")
        self.id_blocks = last.id_blocks


def _check_time(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ImportRefused("a time has no zone")
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise ImportRefused("a time is out of range") from error


def _texts(event: EventLine) -> Iterator[str]:
    yield from (event.stream, event.tenant, event.actor_id, event.correlation_id)
    yield from (text for text in (event.causation_id, event.traceparent) if text)


async def import_log(session: Session, lines: Iterable[bytes], on_read: OnRead) -> int:
    """Write the log that the lines tell; return its last position. Raise ``ImportRefused``.

    The session's transaction is to be rolled back then, and is to be the only thing it does.
    """
    await session.execute("set local search_path = log")
    if await session.fetchval(HEAD) or not await session.fetchval(IS_EMPTY):
        raise ImportRefused("there is a log already: an import takes an empty database, which nothing was started on")
    verifier = Verifier()
    events = verifier.events(lines)
    while chunk := list(islice(events, CHUNK)):
        await _written(session, chunk)
        on_read(verifier.position)
    await session.copy_records_to_table(
        "streams", schema_name="log", columns=("stream", "version"), records=verifier.versions.items()
    )
    await session.execute(SET_HEAD, verifier.position)
    await session.execute(TELL_NOTHING, verifier.position)
    await session.execute(FORGET_BLOCKS)
    for block in verifier.id_blocks or ():
        await session.execute(ADD_BLOCK, block.kind, block.day, block.next)
    return verifier.position


async def _written(session: Session, events: Sequence[EventLine]) -> None:
    """Write some events. Each of them can be read, but they may tell together what never was."""
    try:
        await _write(session, events)
    except Exception as error:
        if passes(error):
            raise
        raise ImportRefused(
            f"lines {events[0].position} to {events[-1].position} tell what cannot be: {error!r}"
        ) from error


async def _write(session: Session, events: Sequence[EventLine]) -> None:
    records = [_record(event) for event in events]
    await session.copy_records_to_table("events", schema_name="log", columns=COLUMNS, records=records)
    told = [(e.position, e.stream, e.type, bytes(e.data), e.tenant, e.actor_id, e.happened_at) for e in events]
    await apply_changes(session, told)


def _record(event: EventLine) -> tuple[Any, ...]:
    return (
        event.position,
        event.stream,
        event.version,
        event.type,
        bytes(event.data),
        event.tenant,
        event.actor_kind,
        event.actor_id,
        event.happened_at,
        event.recorded_at,
        event.correlation_id,
        event.causation_id,
        event.traceparent,
    )
