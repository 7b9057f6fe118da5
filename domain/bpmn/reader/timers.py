"""Timers as models write them (contracts/engine.md, decision 2).

``timeDate`` is a time of RFC 3339, with its offset from UTC: a time that leaves its zone open is not guessed at.
``timeCycle`` is a cron expression, or ``R/`` with a duration; ``timeDuration`` is a duration. Whether a cycle or a
duration can be reckoned with is seen when the process is deployed, because the deployment may say something else.
"""

from datetime import datetime

from lxml.etree import _Element as XmlElement

from domain.bpmn.graph import Timer
from domain.bpmn.reader.document import local_name, text_of
from domain.timestamps import in_utc

_FORMS = ("timeDate", "timeCycle", "timeDuration")
_LONGEST_QUOTE = 100


class UnreadableTimerError(ValueError):
    """The model says something about when the timer is due, but not what can be understood."""


def read_timer(definition: XmlElement) -> Timer | None:
    """Return the timer of a ``timerEventDefinition``, None where it says nothing; raises ``UnreadableTimerError``."""
    given = [
        (local_name(child), text) for child in definition if local_name(child) in _FORMS and (text := text_of(child))
    ]
    if len(given) > 1:
        raise UnreadableTimerError(f"{' and '.join(form for form, _ in given[:3])} cannot both be given")
    match given:
        case [("timeDate", text)]:
            return Timer(time=_moment(text))
        case [("timeCycle", text)]:
            return Timer(cycle=text)
        case [(_, text)]:
            return Timer(duration=text)
        case _:
            return None


def _moment(text: str) -> datetime:
    quoted = text[:_LONGEST_QUOTE]
    try:
        time = datetime.fromisoformat(text)
        moment = in_utc(time)
    except (ValueError, OverflowError):
        raise UnreadableTimerError(f"{quoted} is not an ISO 8601 date and time") from None
    if time.tzinfo is None:
        raise UnreadableTimerError(f"{quoted} has no offset from UTC")
    return moment
