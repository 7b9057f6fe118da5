"""Facts of a check: what is probed, and what the probes found. Its stream is ``check-<ULID>`` (incidents.md 0.6).

What becomes of an incident is told in the incident's own stream. A check is told which incident is its last one of
each kind, and, as soon as it is looked at again, whether that is unresolved.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from domain.event import Event
from domain.incidents.events import FailureType

CheckType = Literal["http", "keyword", "ping", "tcp", "dns", "ssl", "heartbeat"]

#: In which way a check can fail: as a whole, or by answering slowly.
Kind = Literal["down", "slow"]

CheckValue = str | int | tuple[str, ...] | None


class CheckSettings(msgspec.Struct, frozen=True):
    """What is probed, how often and from where.

    The interval is in seconds, the time-out and the threshold of slowness in milliseconds. Without ``regions`` it is
    probed from wherever there is a prober.
    """

    name: str
    type: CheckType
    target_url: str
    interval_seconds: int = 60
    timeout_ms: int = 10_000
    expected_status: int | None = None
    keyword: str | None = None
    slow_threshold_ms: int | None = None
    regions: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one probe from a region found; ``type`` says what was wrong, where something was."""

    region: str
    ok: bool
    observed_at: datetime
    type: FailureType | None = None
    message: str = ""
    latency_ms: float | None = None


class CheckCreated(Event, frozen=True):
    """Something is to be probed from now on."""

    topic: ClassVar[str] = "check.created.v1"
    settings: CheckSettings
    email: str = ""


class CheckChanged(Event, frozen=True):
    """It is to be probed otherwise; ``changes`` has the settings that changed, by name, as they are now."""

    topic: ClassVar[str] = "check.changed.v1"
    changes: Mapping[str, CheckValue]
    email: str = ""


class CheckPaused(Event, frozen=True):
    """It is not to be probed for a while."""

    topic: ClassVar[str] = "check.paused.v1"
    email: str = ""


class CheckResumed(Event, frozen=True):
    """It is to be probed again; what was seen before the pause says nothing of today."""

    topic: ClassVar[str] = "check.resumed.v1"
    email: str = ""


class CheckDeleted(Event, frozen=True):
    """It is not to be probed any more, and nobody is to see it."""

    topic: ClassVar[str] = "check.deleted.v1"
    email: str = ""


class CheckResultsReported(Event, frozen=True):
    """Probes told what they found, in the order in which it counts; ``reported_by`` is the actor who sent it."""

    topic: ClassVar[str] = "check.results_reported.v1"
    results: tuple[Result, ...]
    reported_by: str


class CheckIncidentLinked(Event, frozen=True):
    """There is an incident of the check and the kind now, whose ULID is ``incident``: further failures are its own."""

    topic: ClassVar[str] = "check.incident_linked.v1"
    kind: Kind
    incident: str


class CheckIncidentEnded(Event, frozen=True):
    """The incident is resolved or closed: it takes three fresh failures to open another one."""

    topic: ClassVar[str] = "check.incident_ended.v1"
    kind: Kind
    incident: str


CheckEvent = (
    CheckCreated
    | CheckChanged
    | CheckPaused
    | CheckResumed
    | CheckDeleted
    | CheckResultsReported
    | CheckIncidentLinked
    | CheckIncidentEnded
)
