"""The life of a job and of a task, as far as it is the same: made, locked, perhaps unlocked, and done in some way."""

from datetime import date, datetime
from typing import Any, Protocol

import msgspec

from domain.bpmn.events import WorkState
from domain.event import Recorded
from domain.identity import instance_of
from projections.folding import Batch


class Work(Protocol):
    """What changes during the life of a job or task."""

    state: str
    locked_at: datetime | None
    locked_by: str | None
    completed_at: datetime | None
    error: str


class Change(msgspec.Struct):
    """What becomes of a row that was there before the batch; ``locked_by`` is none while the lock stays as it was."""

    tenant: str
    partition: date
    id: int
    state: str
    locked_at: datetime | None = None
    locked_by: str | None = None
    completed_at: datetime | None = None
    error: str = ""


def partition_of(stream: str) -> date:
    """Return the partition that the stream of an instance or of a task (``task-<partition>-<id>``) names."""
    return date.fromisoformat(stream[5:15]) if stream.startswith("task-") else instance_of(stream).partition


def _enter(batch: Batch, fact: Recorded, work_id: int, state: WorkState) -> Work:
    """Put a job or task into a state and return what stands for it in the batch."""
    key = (partition_of(fact.stream), work_id)
    work: Work | None = batch.find(key)
    if work is None:
        work = batch.changes[key] = Change(fact.tenant, *key, state)
    work.state = state
    return work


def locked(batch: Batch, fact: Recorded, event: Any) -> None:
    work = _enter(batch, fact, event.id, WorkState.LOCKED)
    work.locked_at, work.locked_by = fact.happened_at, fact.actor.id


def unlocked(batch: Batch, fact: Recorded, event: Any) -> None:
    """Apply that a job or task was given back, or that the time of its lock is over."""
    work = _enter(batch, fact, event.id, WorkState.CREATED)
    work.locked_at, work.locked_by = None, ""


def completed(batch: Batch, fact: Recorded, event: Any) -> None:
    _enter(batch, fact, event.id, WorkState.DONE).completed_at = fact.happened_at


def failed(batch: Batch, fact: Recorded, event: Any) -> None:
    work = _enter(batch, fact, event.id, WorkState.CAUSED_INCIDENT if event.incident_id else WorkState.CAUSED_RETRY)
    work.completed_at, work.error = fact.happened_at, event.error


def canceled(batch: Batch, fact: Recorded, event: Any) -> None:
    _enter(batch, fact, event.id, WorkState.CANCELED).completed_at = fact.happened_at
