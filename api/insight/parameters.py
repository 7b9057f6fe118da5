"""What analysts ask for: a process, a version, a range of time, a window of ranks (contracts/incidents.md 0.3)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import parse_qs

from litestar import Request
from litestar.datastructures import State

from domain.access.caller import Caller
from domain.rejection import InvalidInput
from projections.insight_incidents_table.queries import Ranks
from projections.time_spans import Range, between

#: Rows of one window of ranks.
WIDEST_WINDOW = 1_000

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
GREATEST_RANK = 999_999_999

#: A date with a time, extended or basic, and perhaps a zone, whose plus sign is a blank when nobody encoded it.
_DATE_WITH_TIME = re.compile(r"([\dW-]{7,10})[T ]([\d:.,]+)(Z|[+ -]\d\d(?::?\d\d)?)?", re.ASCII)


class Parameters:
    """What a request asks for; of a repeated parameter the first counts. What cannot be read is an ``InvalidInput``."""

    def __init__(self, request: Request[Caller, Any, State]) -> None:
        text = request.scope["query_string"].decode(errors="replace")
        self._values: Mapping[str, Sequence[str]] = parse_qs(text, keep_blank_values=True)
        self._tenant = request.user.tenant

    @property
    def process(self) -> tuple[str, str]:
        """The caller's tenant and the BPMN process id."""
        return self._tenant, self._required("processKey")

    @property
    def process_version(self) -> tuple[str, str, str]:
        """The same, and the version."""
        return *self.process, self._required("version")

    @property
    def range(self) -> Range:
        """The range of time, both ends included and each optional; one that ends before it begins holds nothing."""
        return between(self._moment("startDate", time.min), self._moment("endDate", time.max))

    @property
    def ranks(self) -> Ranks:
        """The window of ranks ``minResults < rank <= maxResults``."""
        upto, after = self._number("maxResults"), self._number("minResults")
        if not after <= upto <= min(after + WIDEST_WINDOW, GREATEST_RANK):
            raise _invalid(f"maxResults {upto} is not from minResults {after} to {WIDEST_WINDOW} more")
        return Ranks(after, upto)

    @property
    def min_position(self) -> int | None:
        """The position to wait for, instead of everything that was written before the request."""
        return self._number("minPosition") if self._value("minPosition") else None

    def _required(self, name: str) -> str:
        value = self._value(name)
        if not value:
            raise _invalid(f"required parameter {name} is missing")
        return value

    def _number(self, name: str) -> int:
        text = self._required(name)
        if not _NUMBER.fullmatch(text):
            raise _invalid(f"parameter {name} is not a whole number from 0 on: {text}")
        return int(text)

    def _moment(self, name: str, time_of_bare_date: time) -> datetime | None:
        """Read an ISO 8601 date or date with time; UTC where it names no zone."""
        text = self._value(name)
        if not text:
            return None
        try:
            return _bare_date(text, time_of_bare_date) or _date_with_time(text)
        except (ValueError, OverflowError) as error:
            raise _invalid(f"parameter {name} is not an ISO 8601 date: {text}") from error

    def _value(self, name: str) -> str:
        value = self._values.get(name, [""])[0]
        if "\0" in value:
            raise _invalid(f"parameter {name} holds a NUL character")
        return value


def _bare_date(text: str, at: time) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, at, UTC)


def _date_with_time(text: str) -> datetime:
    parts = _DATE_WITH_TIME.fullmatch(text.upper())
    if parts is None:
        raise ValueError(text)
    day, clock, zone = parts.groups(default="Z")
    return datetime.fromisoformat(f"{day}T{clock}{zone.replace(' ', '+')}").astimezone(UTC)


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput("invalid parameter", detail)
