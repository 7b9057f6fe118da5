"""Moving the engine's clock, for tests."""

from datetime import datetime, timedelta
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk
from commands.intents import Timer
from domain.access.clock import EngineClock
from domain.access.events import TimeAdvanced
from domain.bpmn.cycles import next_time
from domain.bpmn.durations import LAST_DAY, parse_duration
from domain.event import Append
from domain.identity import ENGINE_STREAM
from domain.rejection import InvalidInput, InvalidState
from domain.timestamps import rfc3339

TITLE = "failed to set time"


class SetTime(Timer, frozen=True):
    """Move the engine's time forward (operation ``setTime``)."""


class TimeAnswer(NamedTuple):
    """Engine time before and after, and its lead over the wall clock from now on, in milliseconds."""

    old: datetime
    new: datetime
    offset_ms: int


class HeldClock(NamedTuple):
    """The clock so far and the version of its stream."""

    clock: EngineClock
    version: int


async def gather_set_time(_command: SetTime, _target: None, _context: Context, desk: Desk) -> HeldClock:
    """Hold the engine's stream."""
    held = await desk.hold(ENGINE_STREAM)
    return HeldClock(held.state or EngineClock(), held.version)


def decide_set_time(command: SetTime, _target: None, held: HeldClock, context: Context) -> Decision:
    """Move the clock forward by time, cycle or duration; the answer is a ``TimeAnswer``.

    The time now is what the log says it is: another node may have set it a moment ago.
    """
    now = context.now + timedelta(milliseconds=held.clock.offset_ms - context.offset_ms)
    new = _moment(command, now)
    if new < now:
        detail = f"time {_to_the_second(new)} is before engine time {_to_the_second(now)}"
        raise InvalidState(TITLE, detail)
    if new > LAST_DAY:  # the clock goes on from there, and the due dates that are reckoned from it
        raise InvalidInput(TITLE, f"time {_to_the_second(new)} is after {_to_the_second(LAST_DAY)}")
    offset_ms = held.clock.offset_ms + (new - now) // timedelta(milliseconds=1)
    answer = TimeAnswer(now, new, offset_ms)
    advanced = TimeAdvanced(offset_ms)
    return Decision(
        (Append(ENGINE_STREAM, held.version, (advanced,)),), answer, {ENGINE_STREAM: EngineClock(offset_ms)}
    )


def _moment(command: SetTime, now: datetime) -> datetime:
    """Of several the first counts: time, cycle, duration (contracts/engine.md 1.5)."""
    if command.time is not None:
        return command.time
    try:
        if command.time_cycle:
            return next_time(command.time_cycle, now)
        if command.time_duration:
            return parse_duration(command.time_duration).after(now)
    except ValueError as error:
        raise InvalidInput(TITLE, str(error)) from error
    raise InvalidInput(TITLE, "must specify a time, time cycle or time duration")


def _to_the_second(moment: datetime) -> str:
    return rfc3339(moment.replace(microsecond=0))
