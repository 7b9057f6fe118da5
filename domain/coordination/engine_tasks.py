"""Tasks of the engine that come from outside an instance, each a stream of its own (contracts/engine.md 2.7)."""

from datetime import date, datetime
from typing import Any

from domain.bpmn.events import TaskCreated, TaskType
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId, task_stream
from domain.messaging.receivers import StartDefinition


def create_task(
    unit: UnitOfWork,
    task_type: TaskType,
    partition: date,
    process_id: int,
    due_at: datetime | None = None,
    **details: Any,
) -> None:
    """Leave something to do for the engine; ``details`` are further fields of ``TaskCreated``."""
    task_id = unit.ids.next("task", partition)
    created = TaskCreated(task_id, task_type, process_id, due_at or unit.now, **details)
    unit.record(task_stream(partition, task_id), created, new=True)


def create_task_for(
    unit: UnitOfWork, task_type: TaskType, instance: InstanceId, process_id: int, **details: Any
) -> None:
    """Leave something to do about an instance."""
    create_task(unit, task_type, instance.partition, process_id, process_instance_id=instance.id, **details)


def create_start_task(unit: UnitOfWork, start: StartDefinition, due_at: datetime | None = None, **details: Any) -> None:
    """Leave it to the engine to start an instance at a start event; the instance lives in the task's partition."""
    create_task(
        unit,
        TaskType.TRIGGER_EVENT,
        unit.now.date(),
        start.process_id,
        due_at,
        bpmn_process_id=start.bpmn_process_id,
        version=start.version,
        element_id=start.element_id,
        element=start.element,
        **details,
    )
