"""Rules of what people and monitors say about incidents, and its limits; each yields at most one cause for a value."""

from collections.abc import Collection, Iterator
from datetime import datetime

from domain.incidents.texts import is_legible
from domain.rejection import Cause

#: Characters of texts. ``LONGEST_MESSAGE`` is that of what went wrong, of notes, and of what is told on status pages.
LONGEST_TITLE = 255
LONGEST_DESCRIPTION = 4000
LONGEST_MESSAGE = 1000
LONGEST_NOTE = 500
LONGEST_ASSIGNEE = 128
LONGEST_REGION = 64
LONGEST_MONITOR = 128

MOST_REGIONS = 100
MOST_MONITORS = 100


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
    elif not is_legible(given):
        yield Cause(pointer, "printable", "must not contain control characters")


def one_of(pointer: str, word: str, words: Collection[str]) -> Iterator[Cause]:
    """Require one of these words."""
    if not word:
        yield Cause(pointer, "required", "is required")
    elif word not in words:
        yield Cause(pointer, "oneof", f"must be one of {', '.join(words)}", word[:100])


def regions(pointer: str, names: tuple[str, ...]) -> Iterator[Cause]:
    """Require a list of regions that can be read."""
    if len(names) > MOST_REGIONS:
        yield Cause(pointer, "max", f"must have at most {MOST_REGIONS} regions")
        return
    for index, name in enumerate(names):
        yield from text(f"{pointer}/{index}", name, 1, LONGEST_REGION)


def monitors(pointer: str, names: tuple[str, ...]) -> Iterator[Cause]:
    """Require a list of monitors, whatever their system calls them, that can be read."""
    if len(names) > MOST_MONITORS:
        yield Cause(pointer, "max", f"must have at most {MOST_MONITORS} monitors")
        return
    for index, name in enumerate(names):
        yield from text(f"{pointer}/{index}", name, 1, LONGEST_MONITOR)


def started(pointer: str, started_at: datetime | None, now: datetime) -> Iterator[Cause]:
    """Require a start, where one is given, that is not yet to come."""
    if started_at is not None and started_at > now:
        yield Cause(pointer, "past", "must not be in the future")
