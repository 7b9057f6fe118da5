"""What analysts ask for: a process, a version, a range of time, a window of ranks (contracts/incidents.md 0.3)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from urllib.parse import parse_qs

from domain.rejection import InvalidInput
from projections.insight_incidents_table.queries import Ranks
from projections.time_spans import Range, between

#: Rows of one window of ranks.
WIDEST_WINDOW = 1_000

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class Parameters:
    """The query string of a request; of a repeated parameter the first counts."""

    def __init__(self, query_string: bytes) -> None:
        self._values: Mapping[str, Sequence[str]] = parse_qs(query_string.decode("latin-1"), keep_blank_values=True)

    @property
    def process_key(self) -> str:
        return self._required("processKey")

    @property
    def version(self) -> str:
        return self._required("version")

    @property
    def range(self) -> Range:
        """The range of time, both ends included and each optional; one that ends before it begins holds nothing."""
        return between(self._moment("startDate", time.min), self._moment("endDate", time.max))

    @property
    def ranks(self) -> Ranks:
        """The window of ranks ``minResults < rank <= maxResults``."""
        upto, after = self._number("maxResults"), self._number("minResults")
        if not after <= upto <= after + WIDEST_WINDOW:
            raise _invalid(f"minResults {after} and maxResults {upto} must be at most {WIDEST_WINDOW} apart, in order")
        return Ranks(after, upto)

    def _required(self, name: str) -> str:
        value = self._value(name)
        if not value:
            raise _invalid(f"required parameter {name} is missing")
        return value

    def _number(self, name: str) -> int:
        text = self._required(name)
        if not _NUMBER.fullmatch(text):
            raise _invalid(f"parameter {name} is not a number from 0 to 999999999: {text}")
        return int(text)

    def _moment(self, name: str, time_of_bare_date: time) -> datetime | None:
        """Read an ISO 8601 date or date with time; UTC where it names no zone."""
        text = self._value(name)
        if not text:
            return None
        try:
            if _DATE.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), time_of_bare_date, UTC)
            moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that nobody encoded
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise _invalid(f"parameter {name} is not an ISO 8601 date: {text}") from error

    def _value(self, name: str) -> str:
        value = self._values.get(name, [""])[0]
        if "\0" in value:
            raise _invalid(f"parameter {name} holds a NUL character")
        return value


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput("invalid parameter", detail)
