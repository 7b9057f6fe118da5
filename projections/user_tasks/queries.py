"""What engine clients ask about user tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of, tagged, tags_of
from projections.criteria import Page, UserTaskCriteria
from projections.database import Database, named_queries
from projections.views import UserTask, UserTaskState

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_user_tasks(db: Database, tenant: str, criteria: UserTaskCriteria, page: Page) -> list[UserTask]:
    """Return the user tasks that meet the criteria, by partition and id."""
    conditions = [
        *equal(partition=criteria.partition, id=criteria.id),
        *led_by(
            element_instance_id=criteria.element_instance_id,
            process_id=criteria.process_id,
            process_instance_id=criteria.process_instance_id,
        ),
        *tagged(criteria.tags),
    ]
    return [_user_task(row) for row in await rows_of(db, SQL["user_tasks"], tenant, conditions, page)]


def _user_task(row: Mapping[str, Any]) -> UserTask:
    return UserTask(
        partition=row["partition"],
        id=row["id"],
        revision=row["revision"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        bpmn_element_id=row["bpmn_element_id"],
        correlation_key=row["correlation_key"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        state=UserTaskState(row["state"]),
        tags=tags_of(row["tags"]),
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
    )
