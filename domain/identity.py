"""Names of streams, and the ids that people and clients see.

Engine ids are int32 counted per kind and UTC day, so an entity of the engine is known by (partition, id)
(contracts/engine.md 2.1). An incident is known by a ULID, shown as ``inc_<ULID>``.
"""

from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec

#: The kinds of ids that count from 1 each day; those of processes, elements, messages, signals and of subscriptions
#: count from 1 for ever.
IdKind = Literal[
    "process",
    "element",
    "process_instance",
    "element_instance",
    "job",
    "task",
    "user_task",
    "variable",
    "incident",
    "message",
    "message_subscription",
    "signal",
    "signal_subscription",
]

INT32_MAX = 2_147_483_647

#: A number that clients send or see; a body with a greater one is refused when it is decoded.
Int32 = Annotated[int, msgspec.Meta(ge=-INT32_MAX - 1, le=INT32_MAX, extra_json_schema={"format": "int32"})]

INT64_MAX = 9_223_372_036_854_775_807

#: The same for numbers that count for ever: of messages, signals and their subscriptions.
Int64 = Annotated[int, msgspec.Meta(ge=-INT64_MAX - 1, le=INT64_MAX, extra_json_schema={"format": "int64"})]

ENGINE_STREAM = "engine"


class InstanceId(NamedTuple):
    """A process instance: the UTC date it was created on, and its number on that day."""

    partition: date
    id: int

    @property
    def stream(self) -> str:
        return f"instance-{self.partition.isoformat()}-{self.id}"

    def __str__(self) -> str:
        return f"{self.partition.isoformat()}/{self.id}"


@lru_cache(maxsize=65_536)
def instance_of(stream: str) -> InstanceId:
    """Return the instance that a stream ``instance-<partition>-<id>`` belongs to."""
    return InstanceId(date.fromisoformat(stream[9:19]), int(stream[20:]))


@lru_cache(maxsize=4096)
def process_stream(tenant: str, bpmn_process_id: str) -> str:
    """Return ``process-<tenant>-<bpmnProcessId>``, with a dot for each hyphen of the tenant, whose id has no dots.

    So the tenant ends at the first hyphen: ``acme-eu`` with ``order`` is not ``acme`` with ``eu-order``.
    """
    return f"process-{tenant.replace('-', '.')}-{bpmn_process_id}"


def queue_stream(tenant: str, bpmn_process_id: str) -> str:
    """Return ``queue-<tenant>-<bpmnProcessId>``, the tenant written as in ``process_stream``."""
    return f"queue-{tenant.replace('-', '.')}-{bpmn_process_id}"


def task_stream(partition: date, task_id: int) -> str:
    return f"task-{partition.isoformat()}-{task_id}"


def channel_stream(tenant: str, message_name: str, correlation_key: str) -> str:
    """Return ``channel-<digest>``: everything about messages of one name and correlation key is decided there."""
    what = f"{tenant}\x00{message_name}\x00{correlation_key}"
    return f"channel-{sha256(what.encode()).hexdigest()[:40]}"


@lru_cache(maxsize=65_536)
def partition_of(stream: str) -> date:
    """Return the partition of an instance's or a task's stream."""
    return date.fromisoformat(stream.partition("-")[2][:10])


def signal_stream(signal_id: int) -> str:
    return f"signal-{signal_id}"


def incident_stream(ulid: str) -> str:
    return f"incident-{ulid}"


def incident_of(stream: str) -> str:
    """Return the ULID that a stream ``incident-<ULID>`` belongs to."""
    return stream.removeprefix("incident-")


def alert_stream(tenant: str, provider: str, external_id: str) -> str:
    """Return ``alert-<digest>``: which incident an alert of another system belongs to is decided there."""
    what = f"{tenant}\x00{provider}\x00{external_id}"
    return f"alert-{sha256(what.encode()).hexdigest()[:40]}"


def check_stream(ulid: str) -> str:
    return f"check-{ulid}"


def check_of(stream: str) -> str:
    """Return the ULID that a stream ``check-<ULID>`` belongs to."""
    return stream.removeprefix("check-")


def rule_stream(ulid: str) -> str:
    return f"rule-{ulid}"


def rule_of(stream: str) -> str:
    """Return the ULID that a stream ``rule-<ULID>`` belongs to."""
    return stream.removeprefix("rule-")


def samples_stream(ulid: str) -> str:
    """Return ``samples-<ULID>``: each batch of samples has a stream of its own, so that no two batches collide."""
    return f"samples-{ulid}"


def intake_stream(ulid: str) -> str:
    return f"intake-{ulid}"


def intakes_stream(tenant: str, provider: str) -> str:
    """Return ``intakes-<tenant>-<provider>``, the tenant written as in ``process_stream``."""
    return f"intakes-{tenant.replace('-', '.')}-{provider}"


def webhook_stream(ulid: str) -> str:
    return f"webhook-{ulid}"


def webhook_of(stream: str) -> str:
    """Return the ULID that a stream ``webhook-<ULID>`` belongs to."""
    return stream.removeprefix("webhook-")


def register_stream(kind: Literal["checks", "rules", "webhooks"], tenant: str) -> str:
    """Return ``register-<kind>-<tenant>``: how many of a kind a tenant has is decided there."""
    return f"register-{kind}-{tenant}"


def tenant_stream(tenant: str) -> str:
    return f"tenant-{tenant}"


def key_stream(key_id: str) -> str:
    return f"key-{key_id}"


def key_of(stream: str) -> str:
    """Return the id of the API key that a stream ``key-<id>`` belongs to."""
    return stream.removeprefix("key-")


class IdsExhausted(Exception):
    """The block of ids at hand is used up, or lies below ids that the instance already has."""

    def __init__(self, kind: IdKind, day: date | None) -> None:
        super().__init__(f"no ids of kind {kind} at hand")
        self.kind = kind
        self.day = day


class Ids(Protocol):
    """Fresh ids from blocks reserved ahead: unique across nodes, rising, with gaps."""

    def next(self, kind: IdKind, day: date | None, above: int = 0) -> int:
        """Return an id greater than ``above``; raise ``IdsExhausted`` when the block at hand has none."""

    def ulid(self) -> str:
        """Return a fresh ULID (26 characters)."""
