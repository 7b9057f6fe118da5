"""What paths and query strings say (contracts/engine.md 1.3 and 1.5)."""

import re
from datetime import date
from typing import NamedTuple
from urllib.parse import parse_qs

from api.refusals import InvalidAddress
from commands.intents import EntityId
from domain.identity import INT32_MAX
from domain.rejection import InvalidInput
from projections.criteria import DEFAULT_ROWS, MOST_ROWS, Page

#: As the reference reads numbers: a sign and leading zeros are fine, spaces and underscores are not.
_NUMBER = re.compile(r"[+-]?0*[0-9]{1,19}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}

INT64_MAX = 9_223_372_036_854_775_807


#: Facts of a page of a history, where nothing is said, and at most.
DEFAULT_FACTS = 100
MOST_FACTS = 1_000


class Stretch(NamedTuple):
    """A part of a history: so many facts after a version."""

    after: int
    limit: int


class Query:
    """The parameters after the question mark; of one that is repeated the first counts, save for ``names``."""

    def __init__(self, query_string: bytes) -> None:
        text = query_string.decode("latin-1")
        self._values = parse_qs(text, keep_blank_values=True) if text else {}

    def page(self) -> Page:
        """Return the page that ``limit`` and ``offset`` ask for."""
        limit = self._whole_number("limit", INT32_MAX) or DEFAULT_ROWS
        return Page(min(limit, MOST_ROWS), self._whole_number("offset", INT32_MAX) or 0)

    def stretch(self) -> Stretch:
        """Return the part of a history that ``after`` and ``limit`` ask for."""
        limit = self._whole_number("limit", INT32_MAX) or DEFAULT_FACTS
        return Stretch(self._whole_number("after", INT64_MAX) or 0, min(limit, MOST_FACTS))

    def min_position(self) -> int | None:
        """Return the position of the log that the answer has to reflect, where the client names one."""
        return self._whole_number("minPosition", INT64_MAX)

    def names(self) -> tuple[str, ...]:
        """Return the names asked for, in commas or one by one; none means all."""
        names = tuple(name for value in self._values.get("names", ()) for name in value.split(","))
        for name in names:
            if "\0" in name:
                raise _unreadable("query parameter names", name)
        return names

    def flag(self, name: str) -> bool:
        """Tell whether a parameter is set; what cannot be read is not."""
        return self._values.get(name, [""])[0] in _TRUE

    def _whole_number(self, name: str, greatest: int) -> int | None:
        values = self._values.get(name)
        if values is None:
            return None
        number = _number(values[0], greatest)
        if number is None:
            raise _unreadable(f"query parameter {name}", values[0])
        if number < 0:
            raise InvalidInput(f"invalid query parameter {name}", f"{name} {number} must be greater than or equal to 0")
        return number


def id_in_path(text: str) -> int:
    """Read the path parameter ``id``."""
    number = _number(text, INT32_MAX)
    if number is None:
        raise _unreadable("path parameter id", f"'{text}'")
    if number < 1:
        raise InvalidInput("invalid path parameter id", f"ID {text} must be greater than 0")
    return number


def entity_in_path(partition: str, number: str) -> EntityId:
    """Read the path parameters ``partition`` and ``id``."""
    try:
        day = date.fromisoformat(partition) if _DATE.fullmatch(partition) else None
    except ValueError:
        day = None
    if day is None:
        raise _unreadable("path parameter partition", f"'{partition}'")
    return EntityId(day, id_in_path(number))


def _number(text: str, greatest: int) -> int | None:
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and -greatest - 1 <= number <= greatest else None


def _unreadable(what: str, shown: str) -> InvalidAddress:
    return InvalidAddress(f"invalid {what}", f"failed to parse value {shown}")
