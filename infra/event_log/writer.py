"""The writer: everything one process appends goes through it, many commands a transaction.

While one batch is on its way the next gathers; nobody waits for a batch to fill. Outcomes are told apart:

- a command whose stream has moved on fails alone, and so does one that is stored already;
- a statement that fails takes effect for none: the batch is halved until the culprit stands alone;
- a connection that breaks leaves the outcome open. The same batch is sent again over a new one, and before anything
  else the append looks its command ids up, under the lock that a late first copy would need too. What had come through
  is known by its attempt number and counts as done.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from commands.context import AlreadyDone, Conflict, Context, Decision, Stored
from domain.rejection import InvalidInput, InvalidState, Unavailable
from infra.event_log.continuity import Continuity
from infra.event_log.doorbell import Doorbell
from infra.event_log.measures import APPENDED, BATCH_COMMANDS, BATCH_SECONDS, UNREACHED
from infra.event_log.request import TABLES, TRIED, Request, arguments
from infra.event_log.tail import Tail
from infra.event_log.waiting import WaitingLine
from infra.outages import passes

#: How long a command waits for the log, in seconds.
PATIENCE = 5.0

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.5

#: The commands, heads and events of a batch take eight parameters, each decision table one more, and traces the last.
PARAMETERS = ", ".join(f"${number}" for number in range(1, 10 + len(TABLES)))
APPEND = f"select base, conflicts, stored from log.append({PARAMETERS})"  # noqa: S608  (numbers of our own)

logger = structlog.get_logger(__name__)


class Writer:
    """Appends for one process. ``connect`` opens the one connection it uses, ``now`` is the wall clock."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        now: Callable[[], datetime],
        doorbell: Doorbell,
        patience: float = PATIENCE,
        continuity: Continuity | None = None,
    ) -> None:
        self._connect = connect
        self._now = now
        self._doorbell = doorbell
        self._patience = patience
        self._continuity = continuity or Continuity()
        self.tail = Tail()
        self._line = WaitingLine()
        self._wanted = asyncio.Event()
        self._connection: Any = None
        self._statement: Any = None
        self._attempts = itertools.count(secrets.randbits(31) << 32)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="event log writer")

    async def close(self) -> None:
        """Write what waits, then stop. Nothing may be appended any more."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._wanted.set()
        await task
        self._disconnect()

    async def append(self, decision: Decision, context: Context) -> int:
        """Append in the next batch; return the position of the command's last fact (``commands.context.Log``)."""
        if self._task is None or self._task.done():
            raise Unavailable(TRIED, "the log is not open")
        if self._line.full:
            raise Unavailable(TRIED, "too many commands wait for the log")
        deadline = asyncio.get_running_loop().time() + self._patience
        try:
            request = Request(decision, context, next(self._attempts), deadline)
        except UnicodeEncodeError as error:
            raise _refusal(error) from error
        self._line.add(request)
        self._wanted.set()
        return await request.outcome

    async def _run(self) -> None:
        while True:
            batch = self._line.next_batch()
            if batch:
                await self._settle(batch)
            elif self._task is None:
                return
            else:
                self._wanted.clear()
                await self._wanted.wait()

    async def _settle(self, batch: list[Request]) -> None:
        try:
            await self._write(batch)
        except Exception as error:
            logger.exception("a batch could not be handled")
            for request in batch:
                request.fail(error)

    async def _write(self, requests: list[Request]) -> None:
        """Send until every request has its answer or has waited too long."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while requests := [request for request in requests if request.waits(loop.time())]:
            recorded_at, began = self._now(), loop.time()
            try:
                answer = await self._send(requests, recorded_at)
            except Exception as error:  # noqa: BLE001  (sorted below)
                if not _passes(error):
                    await self._blame(requests, error)
                    return
                UNREACHED.add()
                logger.warning("the log cannot be reached", error=repr(error), commands=len(requests))
                self._disconnect()
                await asyncio.sleep(min(pause, max(requests[0].deadline - loop.time(), 0)))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                BATCH_SECONDS.add(loop.time() - began)
                self._answer(requests, recorded_at, *answer)
                return

    async def _send(self, requests: list[Request], recorded_at: datetime) -> Any:
        async with asyncio.timeout_at(requests[0].deadline):
            if self._connection is None or self._connection.is_closed():
                await self._reach()
            return await self._statement.fetchrow(*arguments(requests, recorded_at))

    async def _reach(self) -> None:
        try:
            self._connection = await self._connect()
            # A session that waits for the head does not notice that its client has given up.
            await self._connection.execute(f"set statement_timeout = {int(self._patience * 1000)}")
            await self._continuity.check(self._connection)
            self._statement = await self._connection.prepare(APPEND)
        except Exception as error:
            raise ConnectionError(f"no connection to append on: {error}") from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.terminate()
        self._connection = self._statement = None

    async def _blame(self, requests: list[Request], error: Exception) -> None:
        """Find out, by halves, whose fault the error is; nothing of this batch was stored."""
        if len(requests) == 1:
            requests[0].fail(_refusal(error))
            return
        middle = len(requests) // 2
        await self._write(requests[:middle])
        await self._write(requests[middle:])

    def _answer(
        self,
        requests: Sequence[Request],
        recorded_at: datetime,
        base: int,
        conflicts: Sequence[int] | None,
        stored: Sequence[Any] | None,
    ) -> None:
        found = {row["command"]: row for row in stored or ()}
        lost = frozenset(conflicts or ())
        position = base
        for number, request in enumerate(requests, 1):
            if number in found:
                self.tail.clear()  # it may be there since before what others have appended
                _answer_from(found[number], request)
            elif number in lost:
                request.fail(Conflict())
            else:
                if request.events:
                    self.tail.add(request.appended(position + 1, recorded_at))
                    position += request.events
                    self._continuity.note(position, request.command[0])
                request.succeed(position)
        BATCH_COMMANDS.add(len(requests))
        APPENDED.add((), position - base)
        self._doorbell.ring(position)


def _answer_from(row: Any, request: Request) -> None:
    """Answer a command that is stored: by this very request before its connection broke, or by another."""
    if row["attempt"] == request.attempt:
        request.succeed(row["position"])
    else:
        request.fail(AlreadyDone(Stored(row["fingerprint"], row["position"], row["answer"])))


def _passes(error: Exception) -> bool:
    """Tell whether the same batch may succeed later: after an outage, a long wait, or a change of servers."""
    if passes(error):
        return True
    return getattr(error, "sqlstate", None) == "25006"  # read-only: after a failover this is no longer the primary


def _refusal(error: Exception) -> Exception:
    """Return what the caller is told whose command alone makes the statement fail."""
    state = getattr(error, "sqlstate", None) or ""
    if state == "23505":
        return InvalidState(TRIED, "something of that id or key exists already")
    if state[:2] in {"22", "54"} or isinstance(error, ValueError):  # data, limits; the driver's own refusals
        return InvalidInput(TRIED, f"the log cannot hold a value of it: {error}")
    return error
