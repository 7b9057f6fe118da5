"""What a metric comes to over a window: pure, so that a rule can be replayed over history.

How samples are put together is in contracts/incidents.md 0.6 "alerts"; a built-in metric is put together from what the
log tells in the same way, as a rate, a percentile or a count. None is no measurement: nothing was sent.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

from domain.alerting.evaluating import Measurement
from domain.alerting.events import Sample

#: Metrics whose samples are added up; of all others but percentiles the mean is taken.
SUMS = ("*_count", "total_*", "*_total*", "*_cost", "*_documents", "*_queries", "*_requests")

PERCENTILES = "p95_*"


class Window(NamedTuple):
    """A stretch of time; both ends belong to it."""

    since: datetime
    until: datetime

    def has(self, moment: datetime) -> bool:
        return self.since <= moment <= self.until


def window_before(until: datetime, minutes: int) -> Window:
    """Return the window of a rule that is evaluated at a moment."""
    return Window(until - timedelta(minutes=minutes), until)


def measure(metric: str, samples: Iterable[Sample], window: Window, scope: Mapping[str, str]) -> Measurement | None:
    """Put the samples of a metric together that lie in the window and have all pairs of the scope.

    Where shares are among them (how many of how many failed), the rate is theirs alone.
    """
    chosen = [s for s in samples if s.metric == metric and window.has(s.at) and scope.items() <= s.scope.items()]
    values = [sample.value for sample in chosen if sample.value is not None]
    if len(values) < len(chosen):
        return rate(sum(sample.failed for sample in chosen), sum(sample.total for sample in chosen))
    return together(metric, values) if values else None


def rate(failed: int, total: int) -> Measurement | None:
    """Return the share that failed, in percent; its samples are the single outcomes."""
    return Measurement(100 * failed / total, total) if total else None


def percentile(values: Mapping[float, int]) -> Measurement | None:
    """Return the 95th percentile: the value at position floor(0.95 n), ascending from 0; ``values`` say how often."""
    number = sum(values.values())
    position = 95 * number // 100
    for value in sorted(values):
        position -= values[value]
        if position < 0:
            return Measurement(value, number)
    return None


def count(number: int) -> Measurement:
    """Return how many there are: 0 is a value, too."""
    return Measurement(float(number), number)


def is_percentile(metric: str) -> bool:
    return fnmatchcase(metric, PERCENTILES)


def together(metric: str, values: Sequence[float]) -> Measurement:
    """Return what single values, of which there is one at least, come to. Sums are exact before they are rounded."""
    number = len(values)
    if is_percentile(metric):
        return Measurement(sorted(values)[95 * number // 100], number)
    total = math.fsum(values)
    if any(fnmatchcase(metric, pattern) for pattern in SUMS):
        return Measurement(total, number)
    return Measurement(total / number, number)
