"""What the forms of alerts have in common: texts within bounds, ids where the sender has none, and starts in the past.

Titles that other systems make can be longer than ours; they are cut, and the whole of them is the description.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from api.engine.json_text import DEEPEST, nests_too_deep
from api.refusals import InvalidBody
from commands.incident_fields import LONGEST_DESCRIPTION, LONGEST_TITLE, text
from domain.rejection import Cause, InvalidInput
from domain.timestamps import in_utc

TAKE = "failed to take alert"

#: Characters of an id, of a service's name, of an environment's.
LONGEST_NAME = 255
#: Characters that the rest of an alert may come to as JSON: labels, tags and the like.
MOST_DETAILS = 32_768

#: Reasons that are told: more of them would only tell the same of other alerts.
MOST_CAUSES = 100

DEFAULT_SEVERITY = 2

#: A sender's clock may be so far ahead of ours; what it says began a moment from now began now.
AHEAD = timedelta(minutes=1)
#: Before that, no clock that was ever set can have been.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class Checking:
    """Gathers what is wrong with a request, so that it is told at once and nothing of it is stored."""

    def __init__(self, raw: bytes, now: datetime) -> None:
        """Refuse what is nested too deep for anybody to read; ``now`` is the engine's time."""
        if nests_too_deep(raw):
            raise InvalidBody(f"JSON is nested deeper than {DEEPEST} levels")
        self.causes: list[Cause] = []
        self._now = now
        self._escaped = b"\\u0000" in raw

    def text(self, pointer: str, given: str | None, longest: int) -> str:
        """Return a text without the blanks around it; one that is missing or blank is missed."""
        self.causes += text(pointer, given or "", 1, longest)
        return (given or "").strip()

    def cut(self, pointer: str, given: str) -> str:
        """Return a description, cut to what we keep: no alert is lost because another system has much to say."""
        return self.text(pointer, given[:LONGEST_DESCRIPTION], LONGEST_DESCRIPTION) if given.strip() else ""

    def name(self, pointer: str, given: str | None) -> str:
        """Return a name, empty where none is given."""
        self.causes += text(pointer, given or "", 0, LONGEST_NAME)
        return (given or "").strip()

    def details(self, pointer: str, given: Mapping[str, Any]) -> str:
        """Return as JSON what is there of these members; empty for nothing."""
        there = {name: value for name, value in given.items() if value not in (None, {}, [], "")}
        if not there:
            return ""
        if self._escaped and _has_nul(there):
            self.causes.append(Cause(pointer, "printable", "must not contain NUL characters"))
            return ""
        encoded = msgspec.json.encode(there).decode()
        if len(encoded) > MOST_DETAILS:
            self.causes.append(Cause(pointer, "max", f"must have at most {MOST_DETAILS} characters as JSON"))
        return encoded

    def started(self, pointer: str, given: datetime | None) -> datetime | None:
        """Return when it began, None where that is not known, or is now. The year 1 is how Go says that it is not."""
        if given is None or given.year == 1:
            return None
        started = _kept(given)
        if started is None or started > self._now + AHEAD:
            self.causes.append(Cause(pointer, "past", "must not be in the future: the sender's clock is off"))
        elif started < EARLIEST:
            self.causes.append(Cause(pointer, "past", f"must not be before {EARLIEST.year}: the sender's clock is off"))
        elif started < self._now:
            return started
        return None

    def finish(self) -> None:
        """Raise ``InvalidInput`` if anything is wrong."""
        if self.causes:
            raise InvalidInput(TAKE, "fields are invalid", self.causes[:MOST_CAUSES])


def shortened(title: str) -> str:
    """Return a title that is not longer than ours may be."""
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def external_id(given: str, title: str, service: str) -> str:
    """Return the id that an alert is known by; without one of the sender's it is known by its title and service."""
    return given or sha256(f"{title}\0{service}".encode()).hexdigest()


def described(description: str, title: str) -> str:
    """Return what is said of an alert; at least its whole title."""
    return description or title[:LONGEST_DESCRIPTION]


def _kept(moment: datetime) -> datetime | None:
    """Return a moment as it is kept; None beyond the end of time."""
    try:
        return in_utc(moment)
    except OverflowError:
        return None


def _has_nul(value: Any) -> bool:
    return any("\0" in found for found in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, names of members too."""
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield name
                yield from _texts(member)
        case list():
            for item in value:
                yield from _texts(item)
