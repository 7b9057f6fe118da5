"""When timers are due (contracts/engine.md 1.5, ``Timer``, and 2.11)."""

from datetime import datetime

from domain.bpmn.cycles import next_time
from domain.bpmn.durations import parse_duration
from domain.bpmn.graph import Timer


class TimerError(ValueError):
    """A timer that is never due: the text says why."""


def due_at(timer: Timer, now: datetime) -> datetime:
    """Return when a timer set ``now`` is due; of time, cycle and duration the first given counts.

    A time in the past is due at once. Raises ``TimerError`` for a cycle that never comes and a timer that says nothing.
    """
    try:
        if timer.time is not None:
            return timer.time
        if timer.cycle:
            return next_time(timer.cycle, now)
        if timer.duration:
            return parse_duration(timer.duration).after(now)
    except ValueError as error:
        raise TimerError(str(error)) from error
    raise TimerError("must specify a time, time cycle or time duration")


def comes_again(timer: Timer, after: datetime) -> bool:
    """Tell whether a timer is due once more after a moment: a point in time comes once, and a cycle may have an end."""
    if timer.time is not None:
        return False
    try:
        due_at(timer, after)
    except TimerError:
        return False
    return True
