"""Shapes that several intents share, as clients send them (contracts/engine.md 1.5, request bodies)."""

from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from domain.bpmn import graph
from domain.timestamps import in_utc


class Intent(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What someone wants to happen. Its JSON form is the body of its operation; absent members have their default."""


class EntityId(NamedTuple):
    """An entity below a process instance, as paths name it."""

    partition: date
    id: int

    def __str__(self) -> str:
        return f"{self.partition.isoformat()}/{self.id}"


class Tag(Intent, frozen=True):
    name: str = ""
    value: str = ""


class Data(Intent, frozen=True):
    """A variable's value: opaque text with a label; ``encrypted`` asks that it be stored encrypted."""

    encoding: str = ""
    encrypted: bool = False
    value: str = ""


class ProcessVariable(Intent, frozen=True):
    """A variable to set, or to delete when ``data`` is absent."""

    name: str = ""
    data: Data | None = None


class ElementVariable(Intent, frozen=True):
    """The same for an element instance; ``bpmn_element_id`` names the enclosing scope to write to."""

    name: str = ""
    data: Data | None = None
    bpmn_element_id: str = ""


class Timer(Intent, frozen=True):
    """A point in time, a cron expression or an ISO 8601 duration; when several are given the first of these counts."""

    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    time_cycle: str = ""
    time_duration: str = ""

    def __post_init__(self) -> None:
        """Keep the time as the engine counts: in UTC, cut to milliseconds."""
        if self.time is not None:
            try:
                force_setattr(self, "time", in_utc(self.time))
            except OverflowError as error:
                raise ValueError("time is out of range") from error

    @property
    def definition(self) -> graph.Timer:
        """The timer as the engine keeps it."""
        return graph.Timer(self.time, self.time_cycle, self.time_duration)


class ByWorker(Intent, frozen=True):
    """The body of operations that only say who asks."""

    worker_id: str = ""
