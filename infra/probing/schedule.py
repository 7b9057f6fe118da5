"""When which check is to be probed next, by seconds of a clock that never goes back."""

from collections.abc import Iterable
from zlib import crc32

import msgspec

from projections.checks.queries import ProbedCheck

#: Seconds over which first probes are spread: those of a prober that has just begun, and those of new checks.
FIRST_WITHIN = 30.0


class Due(msgspec.Struct):
    """A check, and when it is due."""

    check: ProbedCheck
    at: float


class Schedule:
    """Keeps the rhythm of checks: each is due once an interval, at a place in it that is the check's own."""

    def __init__(self) -> None:
        self._due: dict[str, Due] = {}

    def renew(self, checks: Iterable[ProbedCheck], now: float) -> None:
        """Take the checks as they are now; those that are no longer there are forgotten."""
        known, self._due = self._due, {}
        for check in checks:
            interval = check.settings.interval_seconds
            due = known.get(check.check_id) or Due(check, now + _spread(check.check_id, min(interval, FIRST_WITHIN)))
            self._due[check.check_id] = Due(check, min(due.at, now + interval))

    def take(self, now: float) -> list[ProbedCheck]:
        """Return the checks that are due, each for the next time an interval later; times that were missed are gone."""
        taken = []
        for due in self._due.values():
            if due.at <= now:
                taken.append(due.check)
                interval = due.check.settings.interval_seconds
                due.at += interval * ((now - due.at) // interval + 1)
        return taken


def _spread(check_id: str, over: float) -> float:
    """Return a time within so many seconds that is always the same for a check."""
    return crc32(check_id.encode()) % 10_007 / 10_007 * over
