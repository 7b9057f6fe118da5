"""How the roles of this node do, by their own word: for readiness, which names each that stands still.

A role says ``goes_on`` each time it has got something done, or found nothing to do, and ``stands`` when something keeps
it from that. One that has promised to say something every so often and says nothing is standing still too.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

#: ``elsewhere``: another node holds the lease. ``standing``: it should do something here, and cannot.
DutyState = Literal["going", "elsewhere", "standing"]


class DutyReport(msgspec.Struct, frozen=True, rename="camel"):
    """How a role does, since when, and what keeps it from its work."""

    role: str
    state: DutyState
    since: datetime
    trouble: str = ""


class Duty:
    """What one role says of itself; ``patience`` is how many seconds it may say nothing, None for any number."""

    def __init__(self, role: str, wall: Callable[[], datetime], patience: float | None = None) -> None:
        self._role = role
        self._wall = wall
        self._patience = None if patience is None else timedelta(seconds=patience)
        self._heard_at = wall()
        self._report = DutyReport(role, "going", self._heard_at)

    def goes_on(self) -> None:
        self._heard_at = self._wall()
        if self._report.state != "going":
            self._report = DutyReport(self._role, "going", self._heard_at)

    def tell(self, trouble: str) -> None:
        """Say what keeps it from its work, if anything does (else no text)."""
        if trouble:
            self.stands(trouble)
        else:
            self.goes_on()

    def stands(self, trouble: str) -> None:
        """Say what keeps it from its work."""
        self._turn("standing", trouble)

    def is_elsewhere(self, why: str = "") -> None:
        """Say that another node does the work, and why if there is more to it than that it was there first."""
        self._turn("elsewhere", why)

    def report(self) -> DutyReport:
        silent = self._patience is not None and self._wall() - self._heard_at > self._patience
        if silent and self._report.state == "going":
            return DutyReport(self._role, "standing", self._heard_at, "it gives no sign of life")
        return self._report

    def _turn(self, state: DutyState, trouble: str) -> None:
        if (self._report.state, self._report.trouble) != (state, trouble):
            since = self._report.since if self._report.state == state else self._wall()
            self._report = DutyReport(self._role, state, since, trouble)


class Duties:
    """The roles of a node."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._duties: dict[str, Duty] = {}

    def of(self, role: str, patience: float | None = None) -> Duty:
        """Return where a role is to say how it does."""
        duty = Duty(role, self._wall, patience)
        self._duties[role] = duty
        return duty

    def reports(self) -> Sequence[DutyReport]:
        """Return how all of them do."""
        return [duty.report() for duty in self._duties.values()]
