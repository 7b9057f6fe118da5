"""The state of a check: what is probed, the rows of results that consensus needs, and its last incidents."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from domain.monitoring.consensus import KINDS, NOTHING, Row, heard
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckDeleted,
    CheckEvent,
    CheckIncidentEnded,
    CheckIncidentLinked,
    CheckPaused,
    CheckResultsReported,
    CheckResumed,
    CheckSettings,
    Kind,
    Result,
)

#: How check_status is told (contracts/incidents.md 0.6).
CheckStatus = Literal["up", "down", "degraded", "paused"]

#: A result that was observed so much earlier than the newest one that counted comes too late to count itself.
LATE = timedelta(minutes=5)


class Watch(msgspec.Struct, frozen=True):
    """What is known of one kind: the row of results, the last incident, and whether that is unresolved."""

    row: Row = NOTHING
    incident: str = ""
    unresolved: bool = False


class Check(msgspec.Struct, frozen=True):
    """A check, as far as what may happen to it depends on it; ``newest`` is when the newest result was observed."""

    tenant: str
    settings: CheckSettings
    paused: bool = False
    deleted: bool = False
    down: Watch = Watch()
    slow: Watch = Watch()
    newest: datetime | None = None

    def watch(self, kind: Kind) -> Watch:
        return self.down if kind == "down" else self.slow

    def counts(self, result: Result) -> bool:
        """Tell whether a result comes in time."""
        return self.newest is None or self.newest - result.observed_at <= LATE

    @property
    def status(self) -> CheckStatus:
        """What an unresolved incident says, a pause before all."""
        return status_of(paused=self.paused, down=self.down.unresolved, slow=self.slow.unresolved)


def status_of(*, paused: bool, down: bool, slow: bool) -> CheckStatus:
    """Return the status of a check, of which there may be unresolved incidents of each kind."""
    if paused:
        return "paused"
    if down:
        return "down"
    return "degraded" if slow else "up"


def hear(check: Check, result: Result) -> Check:
    """Return the state after a further result, if that comes in time."""
    if not check.counts(result):
        return check
    down, slow = (replace(check.watch(kind), row=heard(check.watch(kind).row, kind, result)) for kind in KINDS)
    newest = max(check.newest or result.observed_at, result.observed_at)
    return replace(check, down=down, slow=slow, newest=newest)


def create(event: CheckCreated, tenant: str) -> Check:
    """Return the state after the first fact of a stream."""
    return Check(tenant, event.settings)


def evolve(check: Check | None, event: Any, _at: datetime, _by: str, tenant: str) -> Check:
    """Apply a fact, the first of a stream to no state. Total: it never refuses a stored fact."""
    if check is None:
        return create(event, tenant)
    return _CHANGES[type(event)](check, event)


def _resumed(check: Check, _event: CheckResumed) -> Check:
    down, slow = (replace(check.watch(kind), row=NOTHING) for kind in KINDS)
    return replace(check, paused=False, down=down, slow=slow)


def _reported(check: Check, event: CheckResultsReported) -> Check:
    for result in event.results:
        check = hear(check, result)
    return check


def _watched(*, unresolved: bool) -> Callable[[Check, Any], Check]:
    """Return what a fact about an incident does: results before it count no more, in either direction."""
    return lambda check, event: replace(check, **{event.kind: Watch(NOTHING, event.incident, unresolved)})


_CHANGES: Mapping[type[CheckEvent], Callable[[Check, Any], Check]] = {
    CheckCreated: lambda check, event: replace(check, settings=event.settings),
    CheckChanged: lambda check, event: replace(check, settings=replace(check.settings, **event.changes)),
    CheckPaused: lambda check, _event: replace(check, paused=True),
    CheckResumed: _resumed,
    CheckDeleted: lambda check, _event: replace(check, deleted=True),
    CheckResultsReported: _reported,
    CheckIncidentLinked: _watched(unresolved=True),
    CheckIncidentEnded: _watched(unresolved=False),
}
