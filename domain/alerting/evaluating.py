"""Whether a measurement breaks a rule, and how badly: pure, so that a rule can be replayed over history.

The severity is the table of contracts/incidents.md 4.5, as 0.5 and 0.6 complete it.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from domain.alerting.events import Terms
from domain.alerting.metrics import Operator

CRITICAL, WARNING, INFO = 4, 3, 1

#: The ratio from which on a breach is critical, for rates of errors and for everything else, and that of a warning.
CRITICAL_RATE, CRITICAL_RATIO, WARNING_RATIO = 2.0, 3.0, 1.5

COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "lt": operator.lt,
    "gte": operator.ge,
    "lte": operator.le,
    "eq": operator.eq,
}


class Measurement(NamedTuple):
    """What a metric came to over a window, and from how many samples."""

    value: float
    sample_count: int


class Breach(NamedTuple):
    """A measurement that breaks a rule; ``severity`` is a rank: 4 critical, 3 warning, 1 info."""

    measurement: Measurement
    severity: int


def evaluate(terms: Terms, measurement: Measurement | None) -> Breach | None:
    """Compare; without a measurement there is nothing to compare."""
    if measurement is None or not COMPARISONS[terms.operator](measurement.value, terms.threshold):
        return None
    return Breach(measurement, severity_of(terms, measurement.value))


def severity_of(terms: Terms, actual: float) -> int:
    """Return the rank of a breach by how far the value lies from the threshold."""
    looks_down = terms.operator in {"lt", "lte"}
    if looks_down and terms.threshold > 0 and actual == 0:
        return CRITICAL
    reached = ratio(actual, terms.threshold, looks_down=looks_down)
    if is_rate_of_errors(terms.metric):
        return CRITICAL if reached >= CRITICAL_RATE else WARNING
    if reached >= CRITICAL_RATIO:
        return CRITICAL
    return WARNING if reached >= WARNING_RATIO else INFO


def ratio(actual: float, threshold: float, *, looks_down: bool) -> float:
    """Return how many times the threshold was reached, or, looking down, how many times the value goes into it."""
    if actual > 0 and threshold > 0:
        return threshold / actual if looks_down else actual / threshold
    if threshold == 0:
        return 1.0
    return 1 + abs(actual - threshold) / max(abs(threshold), 1)


def is_rate_of_errors(metric: str) -> bool:
    return metric.endswith(("error_rate", "fail_rate"))


def title_of(terms: Terms) -> str:
    """Return the title of an incident that the rule opens (contracts/incidents.md 0.6)."""
    return f"{terms.name}: {terms.metric} {terms.operator} {as_text(terms.threshold)}"


def message_of(terms: Terms, actual: float) -> str:
    """Return what such an incident says went wrong."""
    return f"{terms.metric} was {as_text(actual)} ({terms.operator} {as_text(terms.threshold)})"


def as_text(number: float) -> str:
    """Write a number as people do: whole ones without a point."""
    return str(int(number)) if number.is_integer() else repr(number)
