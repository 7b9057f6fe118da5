"""Fresh ids: numbers from blocks that this process has reserved ahead, and ULIDs.

A block is ten thousand numbers of one kind and day, taken from ``log.id_blocks`` in one round trip; what a process has
not used when it ends is left out for good. Numbers within an instance must rise though nodes take turns on it, so a
process keeps every block it has, uses the lowest that will do, and takes a fresh one when all lie too low: that one
lies above everything handed out before, anywhere.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import date
from types import TracebackType
from typing import Any, Protocol

import structlog

from domain.identity import INT32_MAX, IdKind, IdsExhausted
from domain.rejection import Unavailable
from infra.outages import passes

#: A request that starts a thousand instances draws several thousands of a kind at once, and decides anew for all items
#: that find none left.
BLOCK = 10_000

#: When fewer than this are left of a kind and day, the next block is fetched in the background.
LOW = 5_000

#: Kinds whose ids clients know as int64; those of all others are int32 (contracts/engine.md 2.1).
INT64_KINDS: frozenset[IdKind] = frozenset({"message", "message_subscription", "signal", "signal_subscription"})
INT64_MAX = 2**63 - 1

RESERVE = """
insert into log.id_blocks as block (kind, day, next) values ($1, coalesce($2::date, '-infinity'), 1 + $3::bigint)
on conflict (kind, day) do update set next = block.next + $3
returning next - $3
"""

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIRS = tuple(high + low for high in CROCKFORD for low in CROCKFORD)
SHIFTS = tuple(range(120, -10, -10))  # 13 pairs of letters: 130 bits, of which a ULID uses 128

Key = tuple[IdKind, date | None]

#: A reservation that is under way: what for, and how many numbers.
Order = tuple[IdKind, date | None, int]

logger = structlog.get_logger(__name__)


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class Block:
    """Numbers from ``next`` to ``last``."""

    __slots__ = ("last", "next")

    def __init__(self, first: int, size: int) -> None:
        self.next = first
        self.last = first + size - 1


class Ulids:
    """ULIDs that rise within the process: 48 bits of milliseconds, 80 bits of chance, one more within a millisecond."""

    def __init__(self, milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._milliseconds = milliseconds
        self._last = 0

    def ulid(self) -> str:
        """Return a fresh ULID (26 characters)."""
        value = self._milliseconds() << 80
        self._last = value | secrets.randbits(80) if value > self._last else self._last + 1
        number = self._last
        return "".join([PAIRS[number >> shift & 1023] for shift in SHIFTS])


class IdBlocks(Ulids):
    """Ids of one process (``domain.identity.Ids``)."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._blocks: dict[Key, list[Block]] = {}
        self._under_way: dict[Order, asyncio.Task[None]] = {}
        self._drawn: list[tuple[Block, int]] | None = None

    def drawing(self) -> "IdBlocks":
        """Take back what is drawn inside when that fails: a decision that comes to nothing leaves no gap.

        Nobody else may draw meanwhile, so that what is inside must not await anything.
        """
        return self

    def __enter__(self) -> None:
        self._drawn = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        drawn, self._drawn = self._drawn, None
        if kind is not None:
            for block, number in reversed(drawn or ()):
                if number != block.last:  # else the block is gone
                    block.next = number

    def next(self, kind: IdKind, day: date | None, above: int = 0) -> int:
        """Return an id greater than ``above``; raise ``IdsExhausted`` when no block at hand has one."""
        blocks = self._blocks.get((kind, day), [])
        for block in blocks:
            number = block.next
            if number > above:
                block.next = number + 1
                if self._drawn is not None:
                    self._drawn.append((block, number))
                if number == block.last:
                    blocks.remove(block)
                if len(blocks) <= 1 and block.last - number < LOW:
                    self._fetch((kind, day, BLOCK))
                return number
        raise IdsExhausted(kind, day)

    async def reserve(self, kind: IdKind, day: date | None, blocks: int = 1) -> None:
        """Have a further block at hand, or one as large as several ``blocks``. Raise ``Unavailable``.

        Callers who ask for the same at the same time share it: who finds it used up asks again.
        """
        try:
            await asyncio.shield(self._fetch((kind, day, blocks * BLOCK)))
        except Exception as error:
            if passes(error):
                raise Unavailable("failed to reserve ids", "the database cannot be reached") from error
            raise

    def _fetch(self, order: Order) -> "asyncio.Task[None]":
        task = self._under_way.get(order)
        if task is None:
            task = self._under_way[order] = asyncio.create_task(self._reserve(*order))
            task.add_done_callback(lambda task: self._fetched(order, task))
        return task

    def _fetched(self, order: Order, task: "asyncio.Task[None]") -> None:
        del self._under_way[order]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("no ids could be reserved", kind=order[0], error=repr(error))

    async def _reserve(self, kind: IdKind, day: date | None, size: int) -> None:
        first: int = await self._database.fetchval(RESERVE, kind, day, size)
        if first + size - 1 > (INT64_MAX if kind in INT64_KINDS else INT32_MAX):
            raise OverflowError(f"the ids of kind {kind} of {day or 'all days'} are used up")
        self._blocks.setdefault((kind, day), []).append(Block(first, size))
