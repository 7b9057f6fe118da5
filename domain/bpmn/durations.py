"""ISO 8601 durations, as far as the contract knows them (contracts/engine.md 1.5): ``P1Y2M3W4DT5H6M7S``.

Whole numbers only, at least one component, no sign; the empty text is no time at all. Years, months, weeks and days are
added to the calendar before the hours, minutes and seconds are added to the clock, and a day that the month does not
have runs over into the next: a month after January 31st is early in March.
"""

import re
from datetime import UTC, datetime, timedelta

import msgspec

#: More digits than any duration needs that ends before the year 10000, and few enough to count with.
_GRAMMAR = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,15})Y)?(?:([0-9]{1,15})M)?(?:([0-9]{1,15})W)?(?:([0-9]{1,15})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,15})H)?(?:([0-9]{1,15})M)?(?:([0-9]{1,15})S)?)?"
)


#: From every moment until this one, the longest duration (2,000 years) ends before the year 10000.
LAST_DAY = datetime(7999, 12, 31, tzinfo=UTC)


class DurationError(ValueError):
    """The text is no duration, or the duration is too long."""


class Duration(msgspec.Struct, frozen=True):
    """An amount of time in the units it was written in."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    def after(self, moment: datetime) -> datetime:
        """Return the moment that lies this duration later; raise ``DurationError`` when that is past the year 9999."""
        years, months = divmod(moment.month - 1 + self.months, 12)
        try:
            month = moment.replace(year=moment.year + self.years + years, month=months + 1, day=1)
            return month + timedelta(
                days=moment.day - 1 + self.days,
                weeks=self.weeks,
                hours=self.hours,
                minutes=self.minutes,
                seconds=self.seconds,
            )
        except (ValueError, OverflowError):
            raise DurationError("the duration leads past the year 9999") from None


def parse_duration(text: str) -> Duration:
    """Read a duration of at most 2,000 years, or raise ``DurationError``."""
    if not text:
        return Duration()
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise DurationError(f"{text[:100]} is not an ISO 8601 duration")
    duration = Duration(*(int(number or 0) for number in match.groups()))
    duration.after(LAST_DAY)
    return duration


def is_duration(text: str) -> bool:
    """Tell whether ``parse_duration`` takes the text."""
    try:
        parse_duration(text)
    except DurationError:
        return False
    return True
