"""What engine clients ask about tasks."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.bpmn.events import TaskType, WorkState
from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of
from projections.criteria import Page, TaskCriteria
from projections.database import Database, named_queries
from projections.views import Task

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_tasks(db: Database, tenant: str, criteria: TaskCriteria, page: Page, now: datetime) -> list[Task]:
    """Return the tasks that meet the criteria, by partition and id; one that is due at engine time ``now`` says so."""
    conditions = [
        *equal(partition=criteria.partition, id=criteria.id, element_id=criteria.element_id, type=criteria.type),
        *led_by(
            element_instance_id=criteria.element_instance_id,
            process_id=criteria.process_id,
            process_instance_id=criteria.process_instance_id,
        ),
    ]
    return [_task(row, now) for row in await rows_of(db, SQL["tasks"], tenant, conditions, page)]


def _task(row: Mapping[str, Any], now: datetime) -> Task:
    return Task(
        partition=row["partition"],
        id=row["id"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        bpmn_element_id=row["bpmn_element_id"],
        completed_at=row["completed_at"] and rfc3339(row["completed_at"]),
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        due_at=rfc3339(row["due_at"]),
        error=row["error"],
        locked_at=row["locked_at"] and rfc3339(row["locked_at"]),
        locked_by=row["locked_by"],
        retry_count=row["retry_count"],
        serialized_task=row["serialized_task"],
        state=WorkState.DUE if row["state"] == WorkState.CREATED and row["due_at"] <= now else WorkState(row["state"]),
        type=TaskType(row["type"]),
    )
