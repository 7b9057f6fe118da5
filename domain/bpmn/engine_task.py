"""The state of a task of the engine that has a stream of its own (contracts/engine.md 2.7)."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.bpmn.events import (
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskIncidentClosed,
    TaskLocked,
    TaskUnlocked,
)
from domain.bpmn.evolution import created_task
from domain.bpmn.instance import StoppedWork, Task

TaskEvent = TaskCreated | TaskLocked | TaskUnlocked | TaskCompleted | TaskFailed | TaskCanceled | TaskIncidentClosed


class EngineTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """The task that is to be done, None once there is none; what it came to if that was an incident, by its number."""

    task: Task | None = None
    incidents: dict[int, StoppedWork] = {}

    @property
    def has_ended(self) -> bool:
        return self.task is None and not self.incidents


def evolve(state: EngineTask | None, event: TaskEvent, at: datetime, by: str, _tenant: str) -> EngineTask:
    """Apply a fact. Total: it never refuses a stored fact."""
    task = state.task if state is not None else None
    match event:
        case TaskCreated():
            return EngineTask(created_task(event, at, by))
        case TaskLocked() if task is not None:
            return EngineTask(msgspec.structs.replace(task, locked_at=at, locked_by=event.engine_id or by))
        case TaskUnlocked() if task is not None:
            return EngineTask(msgspec.structs.replace(task, locked_at=None, locked_by=""))
        case TaskFailed() if task is not None and event.incident_id:
            return EngineTask(None, {event.incident_id: StoppedWork(event.incident, 0, task=task)})
        case TaskLocked() | TaskUnlocked() | TaskFailed() | TaskCompleted() | TaskCanceled() | TaskIncidentClosed():
            return EngineTask()
        case _:
            assert_never(event)
