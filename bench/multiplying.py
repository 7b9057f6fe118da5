"""A log of millions of facts in minutes: what some process instances left in theirs, written again and again.

``recorded`` runs instances through the commands (bench/filling.py) on a database of its own and takes the facts of
their lives from its log. ``Copies`` writes these to an empty database, each time with other ids and other times, one
copy after the other: a log results as if so many more instances had gone the same ways, evenly over a stretch of time.
All else that is no read model is written too: how far streams and log have come, decision tables, which ids are free.

Ids that count within a day are out of the range of all other numbers while lives are recorded. So wherever such a
number stands in a fact, it is an id.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, get_args

from bench.catch_up import opened
from bench.filling import Filling
from commands.decision_tables import Changes
from domain.identity import IdKind
from infra.clock import Clock
from infra.codec import decode
from infra.event_feed.importing import ADD_BLOCK, COLUMNS, SET_HEAD
from infra.event_log.rebuilding import apply_changes

#: The number before the first id of a kind and day while lives are recorded.
BASE = 1_000_000_000

#: What differs from copy to copy: ids, ULIDs, and the day on which an instance began. Times within facts stay.
TIME, NUMBER, ULID, DAY = r"\d{4}-\d\d-\d\dT[\d:.]+Z", r"\b1\d{9}\b", r"\b0[0-9A-HJKMNP-TV-Z]{25}\b", r"\d{4}-\d\d-\d\d"
TOKEN = re.compile(f"{TIME}|({NUMBER})|({ULID})|({DAY})")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

LIVES = """
select originator_id, originator_version, topic, convert_from(state, 'utf8') as state, tenant, actor_kind, actor_id,
       correlation_id
  from log.events
 where originator_id like any (array['process-%', 'instance-%', 'incident-%'])
 order by notification_id
"""
DEPLOYED = "process-"
BLOCKS = "select kind, nullif(day, '-infinity') as day, next from log.id_blocks"
BEGIN_AT = f"insert into log.id_blocks (kind, day, next) select unnest($1::text[]), $2, {BASE + 1}"

#: Called with the number of copies that are written.
OnCopy = Callable[[int], None]


class Form(NamedTuple):
    """A text in which tokens, told by their numbers, stand in place of each ``%s``."""

    template: str
    tokens: Sequence[int]

    def text(self, tokens: Sequence[str]) -> str:
        return self.template % tuple([tokens[number] for number in self.tokens])


class Fact(NamedTuple):
    """A fact; ``stream`` and ``command`` number a stream and a token, ``who`` is tenant and actor."""

    stream: int
    version: int
    topic: str
    state: Form
    who: Sequence[str]
    command: int


class Tokens:
    """What differs from copy to copy, by number; ``stride`` is how many ids of a kind a copy takes."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._makers: list[Callable[[int, str, str], str]] = []
        self.stride = 0

    def form(self, text: str) -> Form:
        found: list[int] = []

        def mark(match: re.Match[str]) -> str:
            if match.lastindex is None:
                return match[0]  # a time
            found.append(self.number(match[0]))
            return "%s"

        return Form(TOKEN.sub(mark, text.replace("%", "%%")), found)

    def number(self, token: str) -> int:
        number = self._numbers.get(token)
        if number is None:
            number = self._numbers[token] = len(self._makers)
            self._makers.append(self._maker(token))
        return number

    def of_copy(self, shift: int, begin: datetime) -> list[str]:
        """Return what stands for the tokens in a copy whose ids are greater by ``shift``."""
        prefix, day = _time_of_ulid(begin), begin.date().isoformat()
        return [make(shift, prefix, day) for make in self._makers]

    def _maker(self, token: str) -> Callable[[int, str, str], str]:
        if token.isdigit():
            number = int(token) - BASE
            self.stride = max(self.stride, number)
            return lambda shift, _prefix, _day: str(number + shift)
        if "-" in token:
            return lambda _shift, _prefix, day: day
        rest = f"{len(self._makers):016}"  # ULIDs come up in the order in which they were made
        return lambda _shift, prefix, _day: prefix + rest


class Recording:
    """The facts of some lives, and the ids that were free then."""

    def __init__(self, rows: Sequence[Any], blocks: Sequence[Any]) -> None:
        self.tokens = Tokens()
        self.blocks = blocks
        self.deployed = [row for row in rows if row["originator_id"].startswith(DEPLOYED)]
        self._numbers: dict[str, int] = {}
        self.streams: list[Form] = []
        self.lengths: list[int] = []
        lives = [row for row in rows if not row["originator_id"].startswith(DEPLOYED)]
        self.facts = [self._fact(row) for row in lives]
        self.lasting = self._lasting(lives)

    def _fact(self, row: Any) -> Fact:
        stream, version, topic, state, *who, command = row.values()
        number = self._numbers.get(stream)
        if number is None:
            number = self._numbers[stream] = len(self.streams)
            self.streams.append(self.tokens.form(stream))
            self.lengths.append(0)
        self.lengths[number] = version
        return Fact(number, version, topic, self.tokens.form(state), who, self.tokens.number(command))

    def _lasting(self, rows: Sequence[Any]) -> set[int]:
        """Return the streams that leave something in the decision tables."""
        changes: dict[str, Changes] = {}
        for row in rows:
            of_stream = changes.setdefault(row["originator_id"], Changes(Clock().wall()))
            event = decode(row["topic"], row["state"].encode())
            of_stream.add(row["originator_id"], event, row["tenant"], row["actor_id"])
        return {self._numbers[stream] for stream, left in changes.items() if any(left.by_table())}


async def recorded(instances: int, on_progress: Callable[[int], None]) -> Recording:
    """Run so many instances and return what they left."""
    async with opened() as node:
        pool = node.pools.commands
        today = Clock().wall().date()
        for day in (today, today + timedelta(days=1)):
            await pool.execute(BEGIN_AT, get_args(IdKind), day)
        await Filling(node).run(instances, on_progress)
        return Recording(await pool.fetch(LIVES), await pool.fetch(BLOCKS))


class Copies:
    """Writes copies of a recording over a connection to a database that has the tables of the log and nothing in them.

    They are spread evenly from ``begin`` on, ``apart`` from each other.
    """

    def __init__(self, session: Any, recording: Recording, begin: datetime, apart: timedelta) -> None:
        self._session = session
        self._recording = recording
        self._begin = begin
        self._apart = apart
        self._position = 0
        self._day: date | None = None
        self._of_day = 0

    async def write(self, copies: int, on_copy: OnCopy) -> int:
        """Write so many; return the position of the last fact."""
        await self._session.execute("set search_path = log; set synchronous_commit = off")
        await self._write_deployed()
        for number in range(copies):
            async with self._session.transaction():
                await self._write(self._begin + number * self._apart)
            on_copy(number + 1)
        await self._write_blocks()
        await self._session.execute(SET_HEAD, self._position)
        await self._session.execute("vacuum (analyze)")
        return self._position

    async def _write_deployed(self) -> None:
        rows = []
        for stream, version, topic, state, *who, command in self._recording.deployed:
            self._position += 1
            times = (self._begin, self._begin)
            rows.append((self._position, stream, version, topic, state.encode(), *who, *times, command, None, None))
        await self._store(rows, {row[1]: row[2] for row in rows}.items(), rows)

    async def _write(self, begin: datetime) -> None:
        self._of_day = self._of_day + 1 if begin.date() == self._day else 0
        self._day = begin.date()
        tokens = self._recording.tokens.of_copy(self._of_day * self._recording.tokens.stride, begin)
        streams = [form.text(tokens) for form in self._recording.streams]
        rows = list(self._rows(begin, streams, tokens))
        lasting = [
            row for row, fact in zip(rows, self._recording.facts, strict=True) if fact.stream in self._recording.lasting
        ]
        await self._store(rows, zip(streams, self._recording.lengths, strict=True), lasting)

    def _rows(self, begin: datetime, streams: Sequence[str], tokens: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        pause, at = self._apart / len(self._recording.facts), begin
        for stream, version, topic, state, who, command in self._recording.facts:
            self._position += 1
            at += pause
            envelope = (*who, at, at, tokens[command], None, None)
            yield (self._position, streams[stream], version, topic, state.text(tokens).encode(), *envelope)

    async def _store(self, rows: Sequence[Any], streams: Any, lasting: Sequence[Any]) -> None:
        copy = self._session.copy_records_to_table
        await copy("events", schema_name="log", columns=COLUMNS, records=rows)
        await copy("streams", schema_name="log", columns=("stream", "version"), records=streams)
        if lasting:
            await apply_changes(self._session, [(*row[:2], *row[3:6], *row[7:9]) for row in lasting])

    async def _write_blocks(self) -> None:
        """Have the ids go on behind those of the last day, and behind those that count for ever."""
        after = (self._of_day + 1) * self._recording.tokens.stride + 1
        for kind, day, following in self._recording.blocks:
            if day is None:
                await self._session.execute(ADD_BLOCK, kind, None, following)
        for kind in get_args(IdKind):
            await self._session.execute(ADD_BLOCK, kind, self._day, after)


def _time_of_ulid(moment: datetime) -> str:
    """Return the first ten letters of a ULID of this moment."""
    milliseconds = int(moment.timestamp() * 1000)
    return "".join(CROCKFORD[milliseconds >> shift & 31] for shift in range(45, -5, -5))
