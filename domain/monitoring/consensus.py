"""When results of probes agree (contracts/incidents.md 0.6, consensus): three of a kind in a row, from two regions.

A row is as long as no opposite result comes, from any region. It agrees as soon as its last three results are from at
least two regions. That is the same as asking it of the whole row: a row of three or more from one region agrees with
the first result from another one, which is then among the last three.

A slow result is a failure for *slow* and a success for *down*. A result that the check is down is neither for *slow*:
it ends a row of slow ones, and leaves a row of successes as it is.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from domain.incidents.events import FailureType
from domain.monitoring.events import Kind, Result

#: Results in a row that agree, and the regions that they have to come from.
ENOUGH = 3
LEAST_REGIONS = 2

KINDS: tuple[Kind, ...] = get_args(Kind)

#: How bad it is, as a rank from 4 to 0 (contracts/incidents.md 0.5).
SEVERITIES: Mapping[FailureType, int] = {
    "timeout": 4,
    "connection_error": 4,
    "dns_error": 4,
    "status_code": 3,
    "keyword_missing": 3,
    "ssl_error": 3,
    "slow_response": 1,
}


class Row(msgspec.Struct, frozen=True):
    """Results that say the same of a kind, one after the other: the last three, and when the first of all was seen."""

    fails: bool = False
    last: tuple[Result, ...] = ()
    since: datetime | None = None

    @property
    def agrees(self) -> bool:
        """Tell whether this is enough to go by."""
        return len(self.last) == ENOUGH and len(self.regions) >= LEAST_REGIONS

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of the last results, each once, in the order in which they were heard."""
        return tuple(dict.fromkeys(result.region for result in self.last))

    @property
    def verdict(self) -> Result:
        """The latest of the last results that has their most frequent type; of several types the latest."""
        times = Counter(result.type for result in self.last)
        return max(enumerate(self.last), key=lambda place: (times[place[1].type], place[0]))[1]


NOTHING = Row()


def kind_of(failure: FailureType) -> Kind:
    """Return in which way a check fails by this."""
    return "slow" if failure == "slow_response" else "down"


def says(kind: Kind, result: Result) -> Literal["failure", "success"] | None:
    """Return what a result means for a kind: None where it means neither."""
    if result.type is not None and kind_of(result.type) == kind:
        return "failure"
    if result.ok or kind == "down":
        return "success"
    return None


def heard(row: Row, kind: Kind, result: Result) -> Row:
    """Return the row of a kind after a further result."""
    said = says(kind, result)
    if said is None:
        return NOTHING if row.fails else row
    fails = said == "failure"
    before = row if row.fails == fails else NOTHING
    since = min(before.since or result.observed_at, result.observed_at)
    return Row(fails, (*before.last, result)[-ENOUGH:], since)
