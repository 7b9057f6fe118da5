"""Counting what happened in any range of time, to the millisecond, without looking at single happenings.

Counts are kept for spans of a day, an hour, a minute and a second. A range is covered by as few of them as possible:
whole days, the hours left over at its two ends, then minutes, then seconds. So the rows that an answer adds up do not
grow with what happened: at each end there are at most 23 + 59 + 59 of them beside the days. Only the second in which a
range begins and that in which it ends may stick out of it; the row of a second therefore keeps the milliseconds at
which things happened. All times here are milliseconds since 1970 in UTC; a range and a span include their beginning
and not their end.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SPANS = (DAY, HOUR, MINUTE, SECOND)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Range(NamedTuple):
    """A range of time; without ends it is all of it, which whole days cover."""

    begin: int = 0
    end: int = 36_500 * 10 * DAY


class Cover(NamedTuple):
    """What covers a range: the spans of length ``spans[i]`` that begin from ``begins[i]`` to before ``ends[i]``."""

    spans: Sequence[int] = ()
    begins: Sequence[int] = ()
    ends: Sequence[int] = ()


#: How often something happened in a span: its length, its beginning, the count, and the milliseconds within a second
#: (as an array in SQL; longer spans have none).
SpanCount = tuple[int, int, int, str | None]


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970, cut, not rounded."""
    return (moment - _BEGINNING) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    """Return the moment that is so many milliseconds after the beginning of 1970."""
    return _BEGINNING + milliseconds * _MILLISECOND


def between(start: datetime | None, end: datetime | None) -> Range:
    """Return the range of the whole milliseconds from ``start`` to ``end``, both included; none is no bound."""
    begin, after = Range()
    if start is not None:
        begin = -((_BEGINNING - start) // _MILLISECOND)
    if end is not None:
        after = milliseconds(end) + 1
    return Range(begin, after)


def cover(asked: Range, spans: Sequence[int] = SPANS) -> Cover:
    """Cover a range with spans of these lengths, the last of which are seconds.

    The seconds at its ends may stick out of it, nothing else does.
    """
    return Cover(*zip(*_covered(*asked, spans), strict=True))


def _covered(begin: int, end: int, spans: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    span, *shorter = spans
    first, after = -(-begin // span) * span, end // span * span
    if begin >= end:
        return
    if not shorter:
        yield span, begin // span * span, end
    elif first >= after:
        yield from _covered(begin, end, shorter)
    else:
        yield from _covered(begin, first, shorter)
        yield span, first, after
        yield from _covered(after, end, shorter)


def counted(moments: Iterable[int], spans: Sequence[int] = SPANS) -> Iterator[SpanCount]:
    """Count moments in the spans of these lengths, the last of which are seconds; within one they keep their order."""
    seconds: dict[int, list[int]] = {}
    for moment in moments:
        seconds.setdefault(moment // SECOND, []).append(moment % SECOND)
    counts = {second * SECOND: len(within) for second, within in seconds.items()}
    for second, within in seconds.items():
        yield SECOND, second * SECOND, len(within), "{" + ",".join(map(str, within)) + "}"
    for span in spans[-2::-1]:
        counts = _summed(counts.items(), span)
        for begin, count in counts.items():
            yield span, begin, count, None


def _summed(counts: Iterable[tuple[int, int]], span: int) -> dict[int, int]:
    sums: dict[int, int] = {}
    for begin, count in counts:
        longer = begin // span * span
        sums[longer] = sums.get(longer, 0) + count
    return sums
