"""Whoever can write the database changes history, in every way and as cleverly as you like: each change is found.

A mutation edits any column of an event, deletes, inserts or swaps events, or cuts the log off; then whoever did it
makes more and more of the database agree with that: the heads of the log and its streams, the leaves of the chain of
hashes, the whole chain. The last is found by heads only that were kept elsewhere; without them it must not be (a
control: so the kept heads are what finds it). What is found has to lead to what was changed.

The long form, with its seed: ``python -m tests.faults.tampering --mutations 1000 --seed 1``.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import structlog

from infra.audit.findings import Finding, Findings
from infra.audit.heads import Head
from infra.audit.verifying import verify_log
from infra.embedded_postgres import EmbeddedPostgres
from infra.migrating import migrate
from infra.scratch_directory import scratch_directory
from tests.contract.eventing import EventClient, event_client
from tests.contract.feeding import BREACH
from tests.faults.verdicts import concluded

TEXTS = ("originator_id", "topic", "tenant", "actor_kind", "actor_id", "correlation_id", "causation_id", "traceparent")
COLUMNS = (*TEXTS, "notification_id", "originator_version", "state", "happened_at", "recorded_at")

#: How much of the rest of the database is made to agree with the change.
LEVELS = ("nothing else", "the heads too", "the leaves too", "the whole chain too")
WHOLE_CHAIN = 3

#: Everything that a change of history is: two dumps are the same when nothing was changed.
DUMP = "select md5(string_agg(e::text, '|' order by e::text)) from log.events as e"
LEAF = """log.chain_leaf(
    e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.tenant, e.actor_kind, e.actor_id,
    e.happened_at, e.recorded_at, e.correlation_id, e.causation_id, e.traceparent)"""


class Untouched(Exception):
    """The mutation has changed nothing, or the database did not let it: another one has to be tried."""


class Place(NamedTuple):
    """What was changed: a first and a last position; whatever was found has to meet these."""

    first: int
    last: int


class Tampered(NamedTuple):
    """A change: what it was, and where."""

    what: str
    place: Place


class Log:
    """The database of a log, in a transaction that will be rolled back, and somebody who has it in for the log."""

    def __init__(self, session: Any, chance: random.Random, end: int) -> None:
        self.session = session
        self.chance = chance
        self.end = end

    async def tampered(self) -> Tampered:
        """Change history in some way; raise ``Untouched`` where that came to nothing."""
        before = await self.session.fetchval(DUMP)
        how = self.chance.choices(MUTATIONS, weights=[12, 4, 2, 4, 4, 2])[0]
        try:
            async with self.session.transaction():
                tampered = await how(self)
        except asyncpg.PostgresError as refused:
            raise Untouched from refused
        if await self.session.fetchval(DUMP) == before:
            raise Untouched
        return tampered

    async def cover(self, level: int) -> None:
        """Make more of the database agree with history as it is now."""
        if level >= 1:
            await self._heads()
        if level == 2:
            await self._leaves()
        if level == WHOLE_CHAIN:
            await self._chain()

    async def column(self) -> Tampered:
        """Edit one column of one event."""
        position, name = self._some(), self.chance.choice(COLUMNS)
        value = await self.session.fetchval(f"select {name} from log.events where notification_id = $1", position)
        edited = self._edited(name, value)
        await self.session.execute(f"update log.events set {name} = $2 where notification_id = $1", position, edited)
        return Tampered(f"edit {name}", Place(position, position))

    async def deletion(self) -> Tampered:
        """Delete an event, and perhaps close the gaps."""
        position = self._some()
        stream, version = await self.session.fetchrow(
            "delete from log.events where notification_id = $1 returning originator_id, originator_version", position
        )
        if self.chance.random() < 0.5:
            return Tampered("delete", Place(position, position))
        await self._renumber("originator_version", "originator_id = $2", version, -1, stream)
        await self._renumber("notification_id", "true", position, -1)
        return Tampered("delete, closing the gaps", Place(position, self.end))

    async def insertion(self) -> Tampered:
        """Insert an event between others, which make room."""
        position, like = self._some(), self._some()
        await self._renumber("notification_id", "true", position - 1, 1)
        like += like >= position
        await self.session.execute(
            "insert into log.events select e.* from log.events as one, lateral jsonb_populate_record(one,"
            " jsonb_build_object('notification_id', $2::bigint, 'originator_version', 1 + (select version"
            " from log.streams where stream = originator_id))) as e where one.notification_id = $1",
            like,
            position,
        )
        return Tampered("insert", Place(position, self.end + 1))

    async def swap(self) -> Tampered:
        """Have two events change places, in the log or in their streams."""
        one, other = sorted((self._some(), self._some()))
        how = self.chance.choice(("notification_id", "state", "originator_id, originator_version"))
        if one == other:
            raise Untouched
        if how == "notification_id":
            for old, new in ((one, -1), (other, one), (-1, other)):
                await self.session.execute(
                    "update log.events set notification_id = $2 where notification_id = $1", old, new
                )
            return Tampered("swap positions", Place(one, other))
        if how != "state":
            await self.session.execute("alter table log.events drop constraint events_pkey")
        names = ", ".join(f"there.{name.strip()}" for name in how.split(","))
        await self.session.execute(
            f"update log.events as here set ({how}) = (select {names} from log.events as there where"
            " there.notification_id = $1 + $2 - here.notification_id) where here.notification_id in ($1, $2)",
            one,
            other,
        )
        return Tampered(f"swap {how}", Place(one, other))

    async def actor(self) -> Tampered:
        """Say that somebody else did it, in all facts of a command."""
        position = self._some()
        rows = await self.session.fetch(
            "update log.events set actor_kind = 'user', actor_id = 'mallory' where correlation_id ="
            " (select correlation_id from log.events where notification_id = $1) returning notification_id",
            position,
        )
        positions = sorted(row[0] for row in rows)
        return Tampered("another actor", Place(positions[0], positions[-1]))

    async def truncation(self) -> Tampered:
        """Cut off the end of the log."""
        left = self.end - self.chance.randint(1, min(20, self.end - 1))
        await self.session.execute("delete from log.events where notification_id > $1", left)
        return Tampered("truncate", Place(left + 1, self.end))

    async def _renumber(self, column: str, condition: str, behind: int, by: int, *arguments: Any) -> None:
        """Move everything behind a number; over negative numbers, so that no two are the same on the way."""
        await self.session.execute(
            f"update log.events set {column} = -({column} + {by}) where {column} > $1 and {condition}",
            behind,
            *arguments,
        )
        await self.session.execute(f"update log.events set {column} = -{column} where {column} < 0")

    async def _heads(self) -> None:
        await self.session.execute("delete from log.streams")
        await self.session.execute(
            "insert into log.streams select originator_id, max(originator_version) from log.events group by 1"
        )
        await self.session.execute("update log.head set position = (select max(notification_id) from log.events)")

    async def _leaves(self) -> None:
        """Have the leaves fit the events, as far as there are both."""
        await self.session.execute(
            "update log.chain as row set leaves = told.leaves from (select chain.upto, string_agg(coalesce("
            f"{LEAF}, substr(chain.leaves, (32 * (place - chain.after) - 31)::integer, 32)), ''::bytea order by place)"
            " as leaves from log.chain, generate_series(chain.after + 1, chain.upto) as place left join log.events as e"
            " on e.notification_id = place group by chain.upto) as told where told.upto = row.upto"
        )

    async def _chain(self) -> None:
        rows = [row[0] for row in await self.session.fetch("delete from log.chain returning upto - after")]
        await self.session.execute("update log.head set position = (select max(notification_id) from log.events)")
        for size in (*rows, self.end):
            await self.session.execute("select log.extend_chain($1)", size)

    def _some(self) -> int:
        return self.chance.randint(1, self.end)

    def _edited(self, name: str, value: Any) -> Any:
        chance = self.chance
        if name == "notification_id":
            return chance.choice((-value, self.end + chance.randint(1, 9), 0, 1 << 62))
        if name == "originator_version":
            return value + chance.choice((1, -1, 1_000))
        if name in {"happened_at", "recorded_at"}:
            return value + timedelta(microseconds=chance.choice((1, -1, 1_000_000, -86_400_000_000)))
        if name == "state":
            return self._edited_state(value)
        if value is None:
            return chance.choice(("", "1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        return chance.choice((f"{value}1", value[:-1], value.swapcase(), f" {value}", f"{value}\u00e4", None))

    def _edited_state(self, value: bytes) -> bytes:
        chance, place = self.chance, self.chance.randrange(len(value))
        flipped = value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]
        return chance.choice((flipped, value + b" ", value[:-1], b"{}", b"", value.replace(b"1", b"2")))


MUTATIONS: Sequence[Callable[[Log], Awaitable[Tampered]]] = (
    Log.column,
    Log.deletion,
    Log.insertion,
    Log.swap,
    Log.actor,
    Log.truncation,
)


class Verdict(NamedTuple):
    """How one mutation was judged: a complaint, nothing where it was found and located; and how it was found."""

    tampered: Tampered
    level: int
    complaint: str
    exactly: bool


@asynccontextmanager
async def lived_log(directory: Path) -> AsyncIterator[tuple[Any, int]]:
    """Make a log with something of much; yield a session on its database, and where the log ends."""
    async with EmbeddedPostgres(directory, homes=[]) as server:
        dsn = server.dsn("postgres")
        await migrate(dsn)
        async with event_client(dsn) as client:
            await _live(client)
        session = await asyncpg.connect(dsn)
        try:
            yield session, await session.fetchval("select position from log.head")
        finally:
            await session.close()


async def chained(session: Any, chance: random.Random) -> None:
    """Chain the whole log, in rows of various sizes."""
    while True:
        reached, head, fault = await session.fetchrow("select * from log.extend_chain($1)", chance.randint(1, 40))
        assert fault is None
        if reached == head:
            return


async def heads(session: Any) -> Sequence[Head]:
    """Return heads as somebody may have kept them: where rows of the chain end."""
    return [Head(*row) for row in await session.fetch("select upto, hash from log.chain order by upto")]


async def found(session: Any, kept: Sequence[Head]) -> list[Finding]:
    findings = Findings()
    await verify_log(session, findings, kept, lambda _done, _all: None)
    return list(findings)


async def judged(session: Any, chance: random.Random, end: int, kept: Sequence[Head]) -> Verdict:
    """Mutate, verify, and take it back; a mutation that comes to nothing is tried again."""
    level = chance.randrange(len(LEVELS))
    while True:
        transaction = session.transaction()
        await transaction.start()
        try:
            log = Log(session, chance, end)
            tampered = await log.tampered()
            await log.cover(level)
            findings = await found(session, kept if level == WHOLE_CHAIN else ())
            complaint = complaint_about(tampered, findings)
            if level == WHOLE_CHAIN and not complaint:
                without = [one for one in await found(session, ()) if one.check in {"chain", "heads"}]
                complaint = f"found without kept heads: {without}" if without else ""
            return Verdict(tampered, level, complaint, any(_exact(one, tampered.place) for one in findings))
        except Untouched:
            continue
        finally:
            await transaction.rollback()


def complaint_about(tampered: Tampered, findings: Sequence[Finding]) -> str:
    if not findings:
        return "not found"
    return "" if any(_meets(one, tampered.place) for one in findings) else f"not located: {findings}"


def _meets(finding: Finding, place: Place) -> bool:
    if finding.position is None:
        return False
    upto = finding.position if finding.upto is None else finding.upto
    return finding.position <= place.last and upto >= place.first


def _exact(finding: Finding, place: Place) -> bool:
    return finding.upto in (None, finding.position) and finding.position in (place.first, place.last)


async def tamper(directory: Path, mutations: int, seed: int, seconds: float) -> tuple[str, list[str]]:
    """Try so many mutations, no longer than so many seconds; return what there was, and what was wrong with it."""
    chance, began = random.Random(seed), time.monotonic()
    verdicts: list[Verdict] = []
    async with lived_log(directory) as (session, end):
        await chained(session, chance)
        kept = await heads(session)
        complaints = [f"found before anything was changed: {one}" for one in await found(session, kept)]
        while len(verdicts) < mutations and time.monotonic() - began < seconds:
            verdicts.append(await judged(session, chance, end, kept))
        complaints += [f"found after everything was taken back: {one}" for one in await found(session, kept)]
    complaints += [
        f"{one.tampered.what} at {one.tampered.place}, covering {LEVELS[one.level]}: {one.complaint}"
        for one in verdicts
        if one.complaint
    ]
    return _told(verdicts, end, seed, time.monotonic() - began), complaints


def _told(verdicts: Sequence[Verdict], end: int, seed: int, seconds: float) -> str:
    located = sum(not one.complaint for one in verdicts)
    exactly = Counter(one.level for one in verdicts if one.exactly)
    levels = Counter(one.level for one in verdicts)
    lines = [
        f"{located} of {len(verdicts)} mutations of {end} events found and located in {seconds:.0f} s, seed {seed}"
    ]
    lines += [f"  covering {name}: {levels[n]}, {exactly[n]} to the very event" for n, name in enumerate(LEVELS)]
    kinds = Counter(one.tampered.what for one in verdicts)
    return "\n".join([*lines, "  " + ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))])


async def _live(client: EventClient) -> None:
    """Have something of much happen."""
    await client.tenant("acme")
    await client.deploy()
    for number in range(6):
        await client.start(correlationKey=f"order {number}")
    for number, job in enumerate(await client.lock()):
        await client.complete(job, **({"error": "no card"} if number % 3 == 0 else {}))
    for _ in range(3):
        incident = await client.opened(BREACH)
        await client.moved(incident, "investigating")
    await client.noted(20)
    await client.key("viewer")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=900.0, help="stop after so long")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with scratch_directory("tampering") as directory:
        told, complaints = asyncio.run(tamper(directory / "data", options.mutations, options.seed, options.seconds))
    return concluded(told, complaints, "every change was found, where it was made")


if __name__ == "__main__":
    sys.exit(main())
