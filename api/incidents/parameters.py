"""Query parameters of the APIs about incidents: a word of a list, a whole number within bounds, a text."""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import parse_qs

from api.refusals import InvalidAddress
from domain.identity import INT64_MAX
from domain.rejection import Cause

_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
#: Characters of a parameter.
LONGEST = 2048


class Parameters:
    """What a request asks for. One that is given twice, empty or cannot be read raises ``InvalidAddress``.

    Parameters that nobody asks for are passed over.
    """

    def __init__(self, query_string: bytes) -> None:
        self._values: Mapping[str, Sequence[str]] = parse_qs(
            query_string.decode(errors="replace"), keep_blank_values=True
        )

    def text(self, name: str, longest: int = LONGEST) -> str | None:
        """Return a text, None where none is given."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise invalid(name, "must be given once")
        if not values[0] or len(values[0]) > longest or not values[0].isprintable():
            raise invalid(name, f"must be a text of 1 to {longest} characters")
        return values[0]

    def word(self, name: str, words: Collection[str]) -> str | None:
        """Return one of these words, None where none is given."""
        word = self.text(name)
        if word is not None and word not in words:
            raise invalid(name, f"must be one of {', '.join(words)}")
        return word

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds."""
        text = self.text(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise invalid(name, f"must be a whole number from {least} to {most}")
        return int(text)

    def position(self, name: str) -> int | None:
        """Return a position of the log, None where none is given."""
        position = self.number(name, -1, 0, INT64_MAX)
        return None if position < 0 else position


def invalid(name: str, reason: str) -> InvalidAddress:
    """Return the refusal of a parameter."""
    return InvalidAddress("invalid parameter", f"parameter {name} {reason}", [Cause(f"?{name}", "parameter", reason)])
