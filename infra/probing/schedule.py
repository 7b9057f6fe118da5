"""When which check is to be probed next, by seconds of a clock that never goes back."""

from heapq import heappop, heappush
from zlib import crc32

import msgspec

from projections.checks.queries import ProbedCheck

#: Seconds over which first probes are spread: those of a prober that has just begun, and those of new checks.
FIRST_WITHIN = 30.0


class Due(msgspec.Struct, frozen=True):
    """A check, and when it is due."""

    check: ProbedCheck
    at: float


class Schedule:
    """Keeps the rhythm of checks: each is due once an interval, at a place in it that is the check's own."""

    def __init__(self) -> None:
        self._due: dict[str, Due] = {}
        self._times: list[tuple[float, str]] = []  # a heap; of a check that is due at another time by now, nothing

    def put(self, check: ProbedCheck, now: float) -> None:
        """Take a check as it is now: one that was there keeps its time, unless a shorter interval brings it forward."""
        interval = check.settings.interval_seconds
        known = self._due.get(check.check_id)
        at = known.at if known is not None else now + _spread(check.check_id, min(interval, FIRST_WITHIN))
        self._plan(Due(check, min(at, now + interval)))

    def forget(self, check_id: str) -> None:
        """Have a check due no more, whether it was or not."""
        self._due.pop(check_id, None)

    def take(self, now: float) -> list[ProbedCheck]:
        """Return the checks that are due, each for the next time an interval later; times that were missed are gone."""
        taken = []
        while self._times and self._times[0][0] <= now:
            at, check_id = heappop(self._times)
            due = self._due.get(check_id)
            if due is not None and due.at == at:
                taken.append(due.check)
                interval = due.check.settings.interval_seconds
                self._plan(Due(due.check, at + interval * ((now - at) // interval + 1)))
        return taken

    def _plan(self, due: Due) -> None:
        known = self._due.get(due.check.check_id)
        self._due[due.check.check_id] = due
        if known is None or known.at != due.at:
            heappush(self._times, (due.at, due.check.check_id))


def _spread(check_id: str, over: float) -> float:
    """Return a time within so many seconds that is always the same for a check."""
    return crc32(check_id.encode()) % 10_007 / 10_007 * over
