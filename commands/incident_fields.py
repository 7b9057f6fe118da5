"""Rules of the texts and words that people give incidents; each yields at most one cause."""

import unicodedata
from collections.abc import Collection, Iterator

from domain.rejection import Cause

#: Characters that a text of several lines has beside those that can be seen.
_OF_LINES = frozenset("\n\r\t")


def text(pointer: str, given: str, shortest: int, longest: int) -> Iterator[Cause]:
    """Require a text of so many characters, blanks around it not counted, that no terminal or page would stumble on.

    A text that may be empty (``shortest`` 0) may also be blank.
    """
    length = len(given.strip())
    if shortest and not length:
        yield Cause(pointer, "required", "is required")
    elif length < shortest:
        yield Cause(pointer, "min", f"must have at least {shortest} characters", given[:100])
    elif len(given) > longest:
        yield Cause(pointer, "max", f"must have at most {longest} characters", given[:100])
    elif any(unicodedata.category(c) in {"Cc", "Cs"} and c not in _OF_LINES for c in given):
        yield Cause(pointer, "printable", "must not contain control characters")


def one_of(pointer: str, word: str, words: Collection[str]) -> Iterator[Cause]:
    """Require one of these words."""
    if not word:
        yield Cause(pointer, "required", "is required")
    elif word not in words:
        yield Cause(pointer, "oneof", f"must be one of {', '.join(words)}", word[:100])
