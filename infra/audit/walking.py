"""The whole log, event by event, against the chain of hashes and against heads that were kept elsewhere.

Three comparisons, each of which tells another thing. An event whose leaf is not the one that the chain has was changed:
that is exactly one position. Leaves that do not lead to the hash of their row were changed in the chain: that is a row.
A kept head that the leaves do not lead to says that events and chain were changed together: that is somewhere between
this head and the kept one before.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from infra.audit.findings import Finding, Findings
from infra.audit.hashing import BEGIN, LEAF_BYTES, following, hash_behind, leaf_of
from infra.audit.heads import Head
from infra.audit.queries import SQL
from infra.codec import UnreadableFact, decode
from projections.database import Database

#: Called with the position that has been reached and the one that has to be.
OnProgress = Callable[[int, int], None]

#: Events, rows of the chain, and bytes of either, that are read together.
EVENTS = 2_000
LINKS = 2_000
EVENT_BYTES = 8_000_000
LINK_BYTES = 500_000

#: A head is told for each so many positions.
STEP = 1_000


class Walked(NamedTuple):
    """How a walk went: the head where the log ends, heads on the way (the last one is that), where the chain ends."""

    head: Head
    heads: Sequence[Head]
    chained: int


class Walk:
    """One walk over the log; what is wrong is added to ``findings``."""

    def __init__(self, database: Database, findings: Findings, kept: Sequence[Head] = ()) -> None:
        self._database = database
        self._findings = findings
        self._chain = _Chain(database, findings)
        self._kept = _Kept(kept, findings)
        self._position = 0
        self._hash = BEGIN
        self._heads: list[Head] = []

    async def all(self, on_progress: OnProgress) -> Walked:
        """Go from the beginning of the log to where it ends now."""
        end: int = await self._database.fetchval(SQL["head"])
        self._kept.compare(0, BEGIN)
        after, more = 0, True
        while more:
            rows = await self._database.fetch(SQL["events"], after, end, EVENTS, EVENT_BYTES)
            after, more = (rows[-1][0], True) if rows else (end, False)
            await self._chain.read(after)
            for row in rows:
                self._event(row)
            on_progress(after, end)
        self._missing_before(end + 1)
        await self._counted(end)
        chained = await self._chain.end(end)
        self._kept.beyond(end)
        head = Head(end, self._hash)
        return Walked(head, [*(one for one in self._heads if one.position < end), head], chained)

    def _event(self, row: Sequence[Any]) -> None:
        position, version, stream, topic, state = row[0], row[1], row[4], row[5], row[-1]
        self._missing_before(position)
        leaf = leaf_of(row)
        chained = self._chain.leaf(position)
        if chained not in (None, leaf):
            self._find(
                Finding("chain", f"version {version} is not what it was when it was chained", position, None, stream)
            )
        self._go_on(position, chained or leaf)
        if reason := _unreadable(topic, state):
            self._find(Finding("events", reason, position, None, stream))

    def _missing_before(self, position: int) -> None:
        """Tell of positions that are not there; the chain may still know what was."""
        first, last = self._position + 1, position - 1
        if first > last:
            return
        self._find(Finding("positions", "missing", first, last))
        for lost in range(first, last + 1):
            leaf = self._chain.leaf(lost)
            if leaf is None:  # from here on nobody can tell any hash, and there may be any number of positions
                self._position, self._hash = last, b""
                self._kept.compare(last, b"")
                return
            self._go_on(lost, leaf)

    def _go_on(self, position: int, leaf: bytes) -> None:
        self._position, self._hash = position, following(self._hash, leaf)
        self._kept.compare(position, self._hash)
        if position % STEP == 0:
            self._heads.append(Head(position, self._hash))

    async def _counted(self, end: int) -> None:
        """Look for events that no walk can come by: outside of the log, or twice at one position."""
        for row in await self._database.fetch(SQL["beyond"], end, STEP):
            self._find(Finding("positions", "stands outside of the log", row[0], None, row[1]))
        count = await self._database.fetchval(SQL["count"], end)
        if count > end:
            self._find(Finding("positions", f"there are {count} events", 1, end))

    def _find(self, finding: Finding) -> None:
        self._findings.add(finding)


class _Chain:
    """The chain as it is stored, read alongside the log; its rows are compared with each other on the way."""

    def __init__(self, database: Database, findings: Findings) -> None:
        self._database = database
        self._findings = findings
        self._before = (0, 0, BEGIN)  # where the row before begins and ends, and its hash
        self._leaves: dict[int, bytes] = {}

    async def read(self, upto: int) -> None:
        """Read the rows that have the events up to a position, and forget those before."""
        while self._before[1] < upto:
            rows = await self._database.fetch(SQL["links"], self._before[1], LINKS, LINK_BYTES)
            if not rows:
                return
            for row in rows:
                self._row(*row)

    def leaf(self, position: int) -> bytes | None:
        """Return the leaf of a position, once; None where the chain has none."""
        return self._leaves.pop(position, None)

    async def end(self, log_end: int) -> int:
        """Read the rest; return where the chain ends."""
        await self.read(await self._database.fetchval(SQL["chain_end"]))
        end = self._before[1]
        if end > log_end and await self._database.fetchval(SQL["head"]) < end:
            self._findings.add(
                Finding("chain", "the log ends before the chain does: events are gone", log_end + 1, end)
            )
        return end

    def _row(self, after: int, upto: int, stored: bytes, leaves: bytes) -> None:
        began, ended, before = self._before
        if after != ended:
            first, last = sorted((after, ended))
            self._findings.add(Finding("chain", "the chain has no row, or two, for these", first + 1, last))
        elif hash_behind(before, leaves) != stored or len(leaves) != LEAF_BYTES * (upto - after):
            what = "the hash does not follow from the one before and the leaves"
            self._findings.add(Finding("chain", what, began + 1, upto))
        for position, leaf in enumerate(_split(leaves), after + 1):
            if position > ended:
                self._leaves[position] = leaf
        self._before = (after, upto, stored)


class _Kept:
    """Heads that were kept elsewhere, in the order of their positions; only the first that does not hold is told."""

    def __init__(self, heads: Sequence[Head], findings: Findings) -> None:
        self._heads = sorted(set(heads), reverse=True)
        self._findings = findings
        self._held = 0

    def compare(self, position: int, found: bytes) -> None:
        while self._heads and self._heads[-1].position <= position:
            head = self._heads.pop()
            if head.position == position and head.hash == found:
                self._held = position
            else:
                self._fail(f"history up to {head.position} is not what it was when its head was kept", head.position)

    def beyond(self, end: int) -> None:
        """Tell of a head behind the end of the log."""
        if self._heads:
            last = self._heads[0].position
            self._fail(f"the log ends at {end}, a head of position {last} was kept", last, end)

    def _fail(self, what: str, upto: int, held: int | None = None) -> None:
        first = self._held if held is None else held
        self._findings.add(Finding("heads", what, first + 1, upto))
        self._heads.clear()


def _unreadable(topic: str, state: bytes) -> str:
    """Say why nobody can read a fact, nothing where it can be read."""
    try:
        decode(topic, state)
    except UnreadableFact as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (whatever the reason is)
        return f"cannot be read: {error!r}"
    return ""


def _split(leaves: bytes) -> Iterator[bytes]:
    return (leaves[begin : begin + LEAF_BYTES] for begin in range(0, len(leaves), LEAF_BYTES))
