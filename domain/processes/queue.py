"""The queue of a process whose instances are limited: first in, first out, over all versions (engine.md 2.4)."""

from datetime import date, datetime
from typing import assert_never

import msgspec

from domain.identity import InstanceId
from domain.processes.events import (
    InstanceAdmitted,
    InstanceDequeued,
    InstanceLeft,
    InstanceQueued,
    ParallelismSet,
    QueueEvent,
)


class Queue(msgspec.Struct, omit_defaults=True):
    """Instances that have a place and those that wait for one with their process ids, as ``<partition>/<id>``."""

    parallelism: int = 0
    active: dict[str, None] = {}
    waiting: dict[str, int] = {}

    def copy(self) -> "Queue":
        return Queue(self.parallelism, dict(self.active), dict(self.waiting))

    @property
    def has_place(self) -> bool:
        return not self.parallelism or len(self.active) < self.parallelism

    @property
    def next(self) -> InstanceId | None:
        """Return whose turn it is: nobody's while there is no place."""
        first = next(iter(self.waiting), "") if self.has_place else ""
        partition, _, number = first.partition("/")
        return InstanceId(date.fromisoformat(partition), int(number)) if first else None


def evolve(queue: Queue | None, event: QueueEvent, _at: datetime, _by: str, _tenant: str) -> Queue:
    """Apply a fact to the queue itself. Total: it never refuses a stored fact."""
    queue = queue or Queue(0, {}, {})
    match event:
        case ParallelismSet():
            queue.parallelism = event.parallelism
            queue.active.update({f"{day}/{number}": None for day, number in event.running})
        case InstanceAdmitted():
            queue.active[_instance(event)] = None
        case InstanceQueued():
            queue.waiting[_instance(event)] = event.process_id
        case InstanceDequeued():
            queue.waiting.pop(_instance(event), None)
            queue.active[_instance(event)] = None
        case InstanceLeft():
            queue.waiting.pop(_instance(event), None)
            queue.active.pop(_instance(event), None)
        case _:
            assert_never(event)
    return queue


def _instance(event: InstanceAdmitted | InstanceQueued | InstanceDequeued | InstanceLeft) -> str:
    return f"{event.partition}/{event.process_instance_id}"
