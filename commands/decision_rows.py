"""The rows of the decision tables as facts change them; the members are those of the append's types, in their order.

All of a row is given to open it, its key and what changes to lock it, and its key alone to close it.
"""

from datetime import date, datetime
from typing import Literal, NamedTuple

Action = Literal["open", "lock", "close"]


class JobChange(NamedTuple):
    """A row of ``open_jobs``; a lock has a holder, and perhaps an end. A lock of nobody (None) gives the job back."""

    action: Action
    partition: date
    id: int
    tenant: str | None = None
    process_id: int | None = None
    process_instance_id: int | None = None
    due_at: datetime | None = None
    locked_by: str | None = None
    lock_expires_at: datetime | None = None


class TaskChange(NamedTuple):
    """The same of ``open_tasks``, by a lock without an end; ``process_instance_id`` 0 is a task without an instance."""

    action: Action
    partition: date
    id: int
    tenant: str | None = None
    type: str | None = None
    process_id: int | None = None
    process_instance_id: int | None = None
    due_at: datetime | None = None
    locked_by: str | None = None
    stream: str | None = None


class IncidentChange(NamedTuple):
    """A row of ``open_incidents``; ``incident`` is the ULID, ``stream`` that of the job or task that stopped."""

    action: Action
    incident: str
    partition: date | None = None
    id: int | None = None
    tenant: str | None = None
    stream: str | None = None


class ProcessChange(NamedTuple):
    """A row of ``deployed_processes``, which are never taken back."""

    process_id: int
    tenant: str
    bpmn_process_id: str
    version: str


class KeyChange(NamedTuple):
    """A row of ``api_keys``: opened when the key is issued, closed when it is revoked."""

    action: Action
    key_id: str
    key_hash: str | None = None
    tenant: str | None = None
    role: str | None = None
    name: str | None = None


class UserTaskChange(NamedTuple):
    """A row of ``open_user_tasks``."""

    action: Action
    partition: date
    id: int
    tenant: str | None = None
    process_instance_id: int | None = None


class SubscriptionChange(NamedTuple):
    """A row of ``signal_subscriptions``."""

    action: Action
    id: int
    tenant: str | None = None
    name: str | None = None
    partition: date | None = None
    process_instance_id: int | None = None
    process_id: int | None = None
    element_id: int | None = None
    element: str | None = None
    element_instance_id: int | None = None


class StartChange(NamedTuple):
    """A row of ``start_definitions`` to open; to close, all rows of a process."""

    action: Action
    tenant: str
    bpmn_process_id: str
    kind: Literal["message", "signal"] | None = None
    name: str | None = None
    version: str | None = None
    process_id: int | None = None
    element_id: int | None = None
    element: str | None = None
