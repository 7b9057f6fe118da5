"""Recording what came of attempts, many in one transaction, and what follows for their webhooks."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from infra.delivery import metrics
from infra.delivery.records import State
from infra.delivery.retries import wait
from infra.delivery.sending import Attempt
from infra.delivery.stretches import SQL
from infra.delivery.writing import Writing

#: After this time in which a receiver has taken nothing, its webhook is disabled.
FAILING_FOR = timedelta(days=3)

#: Seconds until a delivery that nobody can sign is looked at again.
PUT_OFF = 300.0

#: What a receiver answers that does not want to hear any more.
GONE = 410


class Rules(NamedTuple):
    """``retries`` are the seconds from one attempt to the next, ``chance`` is from 0 to 1."""

    retries: Sequence[float]
    wall: Callable[[], datetime]
    chance: Callable[[], float]


class Verdict(NamedTuple):
    """How the receiver of a webhook does, by some attempts; ``stuck`` is the number of the delivery it is stuck at."""

    well: bool
    since: datetime
    gone: bool
    stuck: int | None
    schedule: int | None


class Ended(NamedTuple):
    """What is to become of a delivery after an attempt."""

    state: State
    next_attempt_at: datetime | None


class Recorder:
    """Takes attempts that are over (``done``), and writes them down."""

    def __init__(self, writing: Writing, rules: Rules) -> None:
        self._writing = writing
        self._rules = rules
        self._done: list[Attempt] = []
        self._filled = asyncio.Event()

    def done(self, attempt: Attempt) -> None:
        self._done.append(attempt)
        self._filled.set()

    async def record(self) -> list[Attempt]:
        """Wait for attempts, write down what has gathered, and return it; it is kept where that fails."""
        await self._filled.wait()
        return await self.flush()

    async def flush(self) -> list[Attempt]:
        """Write down the attempts that are over, and return them."""
        attempts = list(self._done)
        if attempts:
            await self._write(attempts)
        del self._done[: len(attempts)]
        if not self._done:
            self._filled.clear()
        return attempts

    async def _write(self, attempts: Sequence[Attempt]) -> None:
        made = [attempt for attempt in attempts if attempt.answer is not None]
        ends = [self._end(attempt) for attempt in made]
        rows = [_row(attempt, end) for attempt, end in zip(made, ends, strict=True)]
        verdicts = _verdicts(made, ends)
        async with self._writing.transaction() as session:
            if made:
                now = self._rules.wall()
                columns = map(list, zip(*((*whose, *verdict) for whose, verdict in verdicts.items()), strict=True))
                await session.execute(SQL["judge"], *columns, now - FAILING_FOR, now)
                await session.execute(SQL["record"], *map(list, zip(*rows, strict=True)))
            for attempt in attempts:
                if attempt.answer is None:
                    later = attempt.started_at + timedelta(seconds=PUT_OFF)
                    await session.execute(SQL["put_off"], attempt.due.webhook, attempt.due.sequence, later)
        for attempt, end in zip(made, ends, strict=True):
            _count(attempt, end)

    def _end(self, attempt: Attempt) -> Ended:
        answer = attempt.answer
        if answer is None or answer.result == "delivered":
            return Ended("delivered", None)
        rules = self._rules
        seconds = wait(rules.retries, attempt.due.tries + 1, answer.retry_after, rules.chance)
        if seconds is None:
            return Ended("failed", None)
        return Ended("pending", rules.wall() + timedelta(seconds=seconds))


def _row(attempt: Attempt, end: Ended) -> tuple[object, ...]:
    due, started_at, seconds, answer = attempt
    result, status, _ = answer or (None, None, None)
    where = (due.webhook, due.sequence, due.schedule, started_at)
    what = (round(seconds * 1000), result, status, due.terms.url)
    return (*where, *what, end.state, end.next_attempt_at, due.attempts)


def _verdicts(attempts: Sequence[Attempt], ends: Sequence[Ended]) -> dict[tuple[str, str], Verdict]:
    """Return how receivers do, by webhook and URL."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    for attempt, end in zip(attempts, ends, strict=True):
        due = attempt.due
        stuck = (due.sequence, due.schedule) if end.state == "failed" and due.terms.ordered else (None, None)
        gone = attempt.answer is not None and attempt.answer.status == GONE
        before = verdicts.get((due.webhook, due.terms.url))
        verdict = Verdict(end.state == "delivered", attempt.started_at, gone, *stuck)
        verdicts[due.webhook, due.terms.url] = verdict if before is None else _both(before, verdict)
    return verdicts


def _both(one: Verdict, other: Verdict) -> Verdict:
    stuck = one if one.stuck is not None else other
    since = min(one.since, other.since)
    return Verdict(one.well or other.well, since, one.gone or other.gone, stuck.stuck, stuck.schedule)


def _count(attempt: Attempt, end: Ended) -> None:
    if attempt.answer is not None:
        metrics.ATTEMPTS.labels(attempt.answer.result).inc()
        metrics.ATTEMPT_SECONDS.observe(attempt.seconds)
    if end.state != "pending":
        metrics.ENDED.labels(end.state).inc()
