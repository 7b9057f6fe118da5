"""Cron expressions: when a cycle is due next (contracts/engine.md 1.5). All of it in UTC.

Five fields (minute, hour, day, month, weekday), six with seconds before them or a year of four digits after them, seven
with both; or one of the named cycles. Within a field the syntax is that of cronsim, with ``?`` for ``*`` as day or
weekday. Years and the ``W`` of a day (the weekday nearest to it in its month) are ours: cronsim proposes moments, and
those on other dates are passed over.

Models may also write ``R/`` and an ISO 8601 duration: due again and again, each time that long after the last.
"""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from cronsim import CronSim, CronSimError

from domain.bpmn.durations import Duration, DurationError, parse_duration

NAMED: Mapping[str, str] = {
    "@everysecond": "* * * * * *",
    "@always": "* * * * *",
    "@5minutes": "*/5 * * * *",
    "@10minutes": "*/10 * * * *",
    "@15minutes": "*/15 * * * *",
    "@30minutes": "*/30 * * * *",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

FIRST_YEAR, LAST_YEAR = 1970, 2199

_LONGEST_EXPRESSION = 500
#: More dates than any expression that is ever due passes over before it is: every year once, or a few days a month.
_MOST_PROPOSALS = 400

_A_YEAR = re.compile(r"[0-9]{4}")
_YEARS = re.compile(r"(?:\*|([0-9]{4})(?:-([0-9]{4}))?)(?:/([0-9]{1,4}))?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_DAY, _MONTH, _WEEKDAY = 3, 4, 5

_REPEATING = re.compile(r"R[0-9]*/")


class CycleError(ValueError):
    """The text is no cron expression, or one that is never due (again)."""


class Cycle(msgspec.Struct, frozen=True):
    """A cron expression taken apart: six fields for cronsim, and which of the dates it proposes count.

    ``years`` None is any year; ``nearest`` are the days of the month whose nearest weekday is meant, if any.
    """

    fields: tuple[str, ...]
    years: frozenset[int] | None = None
    nearest: frozenset[int] = frozenset()

    def next_time(self, after: datetime) -> datetime:
        """Return the first moment later than ``after``, or raise ``CycleError`` when there is none."""
        passed = after.astimezone(UTC)
        for _ in range(_MOST_PROPOSALS):
            proposed = self._propose(passed)
            if self.years is not None and proposed.year not in self.years:
                passed = self._before_next_year(proposed.year)
            elif self.nearest and not self._is_nearest(proposed):
                passed = datetime.combine(proposed, time(23, 59, 59), UTC)
            else:
                return proposed
        raise CycleError("the cron expression is never due")

    def _propose(self, after: datetime) -> datetime:
        try:
            return next(CronSim(" ".join(self.fields), after))
        except (CronSimError, StopIteration, ValueError, OverflowError):  # the last two: past the year 9999
            raise CycleError("the cron expression is never due") from None

    def _before_next_year(self, year: int) -> datetime:
        later = [allowed for allowed in self.years or () if allowed > year]
        if not later:
            raise CycleError("the cron expression is not due any more")
        return datetime(min(later), 1, 1, tzinfo=UTC) - timedelta(seconds=1)

    def _is_nearest(self, day: date) -> bool:
        return any(_nearest_weekday(day.year, day.month, wanted) == day.day for wanted in self.nearest)


def next_time(expression: str, after: datetime) -> datetime:
    """Return when the cycle is due first after a moment; raise ``CycleError`` for what is no cycle or never due."""
    if _REPEATING.match(expression):
        return _after_interval(expression, after)
    return parse_cycle(expression).next_time(after)


def _after_interval(expression: str, after: datetime) -> datetime:
    """Count from the last time: a number of repetitions, or a start, would have to be remembered beside it."""
    try:
        return _interval_of(expression).after(after)
    except DurationError as error:
        raise CycleError(str(error)) from None


def _interval_of(expression: str) -> Duration:
    interval = expression.removeprefix("R/")
    if not interval.startswith("P"):
        raise CycleError("a repeating interval has no number and no start: R/ and a duration, as in R/PT1H")
    try:
        duration = parse_duration(interval)
    except DurationError as error:
        raise CycleError(str(error)) from None
    if duration == Duration():
        raise CycleError("the repeating interval is empty")
    return duration


def is_cycle(expression: str) -> bool:
    """Tell whether the text is a cycle; it may be one that is never due."""
    try:
        if _REPEATING.match(expression):
            _interval_of(expression)
        else:
            parse_cycle(expression)
    except CycleError:
        return False
    return True


def parse_cycle(expression: str) -> Cycle:
    """Take a cron expression apart, or raise ``CycleError``."""
    if len(expression) > _LONGEST_EXPRESSION:
        raise CycleError(f"a cron expression has at most {_LONGEST_EXPRESSION} characters")
    fields = NAMED.get(expression.strip().lower(), expression).upper().split()
    years = _read_years(fields.pop()) if _ends_with_year(fields) else None
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise CycleError("a cron expression has 5 to 7 fields")
    for position in (_DAY, _WEEKDAY):
        fields[position] = "*" if fields[position] == "?" else fields[position]
    nearest = _read_nearest(fields)
    _check_syntax(fields)
    return Cycle(tuple(fields), years, nearest)


def _ends_with_year(fields: list[str]) -> bool:
    return len(fields) == 7 or (len(fields) == 6 and _A_YEAR.search(fields[5]) is not None)


def _read_years(field: str) -> frozenset[int] | None:
    if field in ("*", "?"):
        return None
    years: set[int] = set()
    for term in field.split(","):
        match = _YEARS.fullmatch(term)
        if match is None:
            raise CycleError("bad year")
        first, last, step = match.groups()
        begin = int(first or FIRST_YEAR)
        end = int(last or (begin if first and not step else LAST_YEAR))
        if not FIRST_YEAR <= begin <= end <= LAST_YEAR or step == "0" * len(step or "x"):
            raise CycleError("bad year")
        years.update(range(begin, end + 1, int(step or 1)))
    return frozenset(years)


def _read_nearest(fields: list[str]) -> frozenset[int]:
    """Take days like ``15W`` out of the fields and leave the days there that may turn out to be meant."""
    if "W" not in fields[_DAY] or "LW" in fields[_DAY]:
        return frozenset()
    matches = [_NEAREST.fullmatch(term) for term in fields[_DAY].split(",")]
    nearest = {int(match[1]) for match in matches if match is not None}
    if None in matches or not nearest <= set(range(1, 32)):
        raise CycleError("bad day-of-month")
    if fields[_WEEKDAY] != "*":
        raise CycleError("a nearest weekday cannot be combined with weekdays")
    days = {day + offset for day in nearest for offset in range(-2, 3)} & set(range(1, 32))
    fields[_DAY] = ",".join(map(str, sorted(days)))
    return frozenset(nearest)


def _check_syntax(fields: list[str]) -> None:
    """Let cronsim read the fields, but day and month apart: a day that never comes is no mistake in writing."""
    try:
        for position in (_DAY, _MONTH):
            CronSim(" ".join("*" if at == position else field for at, field in enumerate(fields)), datetime.min)  # noqa: DTZ901  (the syntax is the same at all times)
    except (CronSimError, ValueError) as error:
        raise CycleError(str(error)) from None


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """Return the day of the month, Monday to Friday, nearest to a day; 0 when the month does not have that day."""
    first_weekday, last = calendar.monthrange(year, month)
    if day > last:
        return 0
    match (first_weekday + day - 1) % 7:
        case calendar.SATURDAY:
            return day - 1 if day > 1 else day + 2
        case calendar.SUNDAY:
            return day + 1 if day < last else day - 2
        case _:
            return day
