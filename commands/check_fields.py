"""Rules of the fields of checks and of results (contracts/incidents.md 0.6, checks); each yields at most one cause."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import get_args
from urllib.parse import urlsplit

from commands.incident_fields import LONGEST_MESSAGE, LONGEST_REGION, one_of, regions, text
from domain.incidents.events import FailureType
from domain.monitoring.events import CheckSettings, CheckType
from domain.rejection import Cause

TYPES: tuple[str, ...] = get_args(CheckType)
FAILURES: tuple[str, ...] = get_args(FailureType)

LONGEST_NAME = 255
LONGEST_TARGET = 2048
LONGEST_KEYWORD = 500

#: The least and the most of each: seconds, milliseconds, HTTP's status, milliseconds.
INTERVAL = (30, 86_400)
TIMEOUT = (100, 60_000)
STATUS = (100, 599)
SLOW = (1, 60_000)
LATENCY = (0, 86_400_000)

#: How far the clock of a prober may be ahead.
AHEAD = timedelta(minutes=1)


def settings(check: CheckSettings) -> Iterator[Cause]:
    """Require what can be probed; pointers are those of the fields."""
    yield from text("#/name", check.name, 1, LONGEST_NAME)
    yield from one_of("#/type", check.type, TYPES)
    yield from _target(check)
    yield from within("#/interval_seconds", check.interval_seconds, INTERVAL)
    yield from within("#/timeout_ms", check.timeout_ms, TIMEOUT)
    yield from within("#/expected_status", check.expected_status, STATUS)
    if check.keyword is not None:
        yield from text("#/keyword", check.keyword, 1, LONGEST_KEYWORD)
    yield from within("#/slow_threshold_ms", check.slow_threshold_ms, SLOW)
    yield from regions("#/regions", check.regions)


def within(pointer: str, number: float | None, bounds: tuple[int, int]) -> Iterator[Cause]:
    """Require a number, where there is one, within bounds."""
    least, most = bounds
    if number is not None and not least <= number <= most:
        yield Cause(pointer, "range", f"must be a number from {least} to {most}")


def _target(check: CheckSettings) -> Iterator[Cause]:
    pointer, target = "#/target_url", check.target_url
    wrong = tuple(text(pointer, target, 1, LONGEST_TARGET))
    if wrong:
        yield from wrong
    elif any(character.isspace() for character in target):
        yield Cause(pointer, "blank", "must not contain blanks")
    elif check.type in {"http", "keyword"} and not _is_web_address(target):
        yield Cause(pointer, "url", "must be an absolute URL of http or https", target[:100])


def _is_web_address(target: str) -> bool:
    try:
        address = urlsplit(target)
        return address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def region(pointer: str, name: str) -> Iterator[Cause]:
    yield from text(pointer, name, 1, LONGEST_REGION)


def failure(pointer: str, *, ok: bool, word: str | None) -> Iterator[Cause]:
    """Require what was wrong of a result that is not ok, and of no other."""
    if ok and word is not None:
        yield Cause(pointer, "ok", "must be absent where ok is true")
    if not ok:
        yield from one_of(pointer, word or "", FAILURES)


def message(pointer: str, given: str) -> Iterator[Cause]:
    yield from text(pointer, given, 0, LONGEST_MESSAGE)


def observed(pointer: str, moment: datetime | None, now: datetime) -> Iterator[Cause]:
    """Require a moment, where one is given, that is past, but for a clock that is a little ahead."""
    if moment is not None and moment > now + AHEAD:
        yield Cause(pointer, "past", "must not be more than a minute in the future")
