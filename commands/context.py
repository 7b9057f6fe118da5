"""What a decision may use besides the states it was given: who asks, what time it is, fresh ids, and the ports.

Ports are declared here, beside their consumer; ``infra`` satisfies them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from commands.intents import EntityId
from domain.bpmn.conditions import Value as Value  # noqa: PLC0414  # for the ports and their users
from domain.bpmn.events import TaskType
from domain.event import Actor, Append, Recorded
from domain.identity import Ids, InstanceId
from domain.messaging.receivers import SignalReceiver, StartDefinition


class Cipher(Protocol):
    """Encryption of variables; raises ``InvalidInput`` where no key is configured."""

    def encrypt(self, text: str, associated_data: str) -> str:
        """Return base64(nonce and ciphertext) of AES-256-GCM under the newest key."""


class Context(msgspec.Struct, frozen=True):
    """Who asks for what, and when. ``now`` is engine time, UTC, cut to milliseconds; ``now.date()`` its partition.

    ``offset_ms`` is the lead over the wall clock that ``now`` has, which may be behind the lead that the log tells of.
    ``command_id`` is stored with the append: the same id never takes effect twice. ``fingerprint`` tells whether two
    requests with one idempotency key are the same request, and ``keep_answer`` that the answer is stored for the
    second of them. ``principal`` is the credential's name, stored once for each command; ``email`` is that of the
    person who asks, where they have one; ``traceparent`` the W3C trace context that the request came with.
    """

    tenant: str
    actor: Actor
    now: datetime
    ids: Ids
    cipher: Cipher
    command_id: str
    causation_id: str | None = None
    fingerprint: str = ""
    keep_answer: bool = False
    principal: str = ""
    email: str = ""
    offset_ms: int = 0
    traceparent: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """What a command comes to: facts for one or more streams, all or nothing, and the answer for the caller.

    ``states`` are the states after these facts, where the decider has them, so that nobody need fold them again.
    ``actor`` is given where somebody else than who asked has caused the facts: what a message triggers, its sender did.
    """

    appends: tuple[Append, ...]
    answer: Any = None
    states: Mapping[str, Any] = {}
    actor: Actor | None = None


class Conflict(Exception):
    """A stream is not at the version that the decision was made on."""


class Stored(msgspec.Struct, frozen=True):
    """What the log keeps of a command: its fingerprint, its last position, and its answer as JSON if it was kept."""

    fingerprint: str
    position: int
    answer: bytes | None


class AlreadyDone(Exception):
    """A command of this id took effect before."""

    def __init__(self, stored: Stored) -> None:
        super().__init__("this command took effect before")
        self.stored = stored


class Snapshot(NamedTuple):
    """A state as it was at a version, as bytes."""

    version: int
    state: bytes


class Log(Protocol):
    """The event log as commands use it."""

    async def append(self, decision: Decision, context: Context) -> int:
        """Append all or nothing in the next batch; return the position of the last fact, of the log's if there is none.

        A command without facts is stored only where its answer is to be kept.
        Raise ``Conflict`` when a stream has moved on, ``AlreadyDone`` when this command id is stored already, and
        ``Unavailable`` when the outcome cannot be had in time.
        """

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        """Return the facts of a stream with a version greater than ``after``, in order, the first ``limit`` of them."""

    async def find_command(self, command_id: str) -> Stored | None:
        """Return what is kept of a command, or None."""

    async def load_snapshot(self, stream: str, shape: str) -> Snapshot | None:
        """Return the newest snapshot of a stream whose state has this shape, or None."""

    async def save_snapshot(self, stream: str, shape: str, snapshot: Snapshot) -> None:
        """Keep a snapshot; the log stays the truth."""


class WorkCriteria(msgspec.Struct, frozen=True):
    """Which due and unlocked jobs or tasks are asked for; what is None or empty asks nothing."""

    limit: int
    tenant: str | None = None
    partition: date | None = None
    id: int = 0
    process_ids: tuple[int, ...] = ()
    process_instance_id: int = 0
    type: TaskType | None = None


class Work(NamedTuple):
    """A job or task, with the stream it stands in (its instance's, or a task's own) and the tenant it belongs to."""

    stream: str
    id: int
    tenant: str


class Lookups(Protocol):
    """Finding streams by something other than their names: the decision tables, and read models for what has ended."""

    async def job(self, tenant: str, job: EntityId) -> InstanceId | None:
        """Return the instance of an open job."""

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        """Tell whether there ever was such a job (by the read model, caught up)."""

    async def due_jobs(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        """Return due, unlocked jobs, oldest due first, without those in ``beside``."""

    async def locked_jobs(self, tenant: str, worker_id: str, job_id: int, day: date | None) -> Sequence[Work]:
        """Return the jobs that a worker holds: all, those of a day, those of an id (0: any)."""

    async def due_tasks(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        """Return due, unlocked tasks, oldest due first, without those in ``beside``."""

    async def locked_tasks(self, tenant: str, engine_id: str, task_id: int, day: date | None) -> Sequence[Work]:
        """Return the tasks that an engine holds: all, those of a day, those of an id (0: any)."""

    async def expired_jobs(self, now: datetime, limit: int) -> Sequence[Work]:
        """Return locked jobs of all tenants whose lock has expired, those first that expired first."""

    async def user_task(self, tenant: str, user_task: EntityId) -> InstanceId | None:
        """Return the instance of an open user task."""

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None:
        """Return the state that a user task ended in (by the read model, caught up), None for an unknown one."""

    async def message_start(self, tenant: str, name: str) -> StartDefinition | None:
        """Return the start event that messages of a name start, unless it is suspended."""

    async def signal_starts(self, tenant: str, name: str) -> Sequence[StartDefinition]:
        """Return the start events that signals of a name start, by element id, without suspended ones."""

    async def signal_receivers(self, tenant: str, name: str) -> Sequence[SignalReceiver]:
        """Return all events that wait for a signal of this name, by subscription id."""

    async def running_instances(self, tenant: str, bpmn_process_id: str) -> Sequence[InstanceId]:
        """Return the instances of all versions of a process that have not ended (by the read model, caught up)."""

    async def values(self, tenant: str, instance: InstanceId) -> Mapping[tuple[int, str], Value]:
        """Return the values of all variables of an instance by scope and name (by the read model, caught up).

        Scope 0 is the instance itself; others are element instance ids. Encrypted values are decrypted.
        """

    async def incident(self, tenant: str, incident: EntityId) -> tuple[str, str] | None:
        """Return the stream that an unresolved incident of a process arose in, and its ULID."""

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        """Tell whether there ever was such an incident (by the read model, caught up)."""

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        """Return the instance of an element instance (by the read model, caught up)."""
