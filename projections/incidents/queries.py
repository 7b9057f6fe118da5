"""What engine clients ask about incidents."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of
from projections.criteria import IncidentCriteria, Page
from projections.database import Database, named_queries
from projections.views import Incident

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_incidents(db: Database, tenant: str, criteria: IncidentCriteria, page: Page) -> list[Incident]:
    """Return the incidents that meet the criteria, by partition and id."""
    conditions = [
        *equal(partition=criteria.partition, id=criteria.id),
        *led_by(job_id=criteria.job_id, process_instance_id=criteria.process_instance_id, task_id=criteria.task_id),
    ]
    return [_incident(row) for row in await rows_of(db, SQL["incidents"], tenant, conditions, page)]


def _incident(row: Mapping[str, Any]) -> Incident:
    return Incident(
        partition=row["partition"],
        id=row["id"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        job_id=row["job_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        task_id=row["task_id"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        resolved_at=row["resolved_at"] and rfc3339(row["resolved_at"]),
        resolved_by=row["resolved_by"],
    )
