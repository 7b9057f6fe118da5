"""What engine clients ask about process instances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.bpmn.events import InstanceState
from domain.identity import InstanceId
from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of, tagged, tags_of
from projections.criteria import Page, ProcessInstanceCriteria
from projections.database import Database, named_queries
from projections.views import ProcessInstance

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_process_instances(
    db: Database, tenant: str, criteria: ProcessInstanceCriteria, page: Page
) -> list[ProcessInstance]:
    """Return the instances that meet the criteria, by partition and id; a root counts among those below it."""
    conditions = [
        *equal(partition=criteria.partition, id=criteria.id),
        *led_by(parent_id=criteria.parent_id, root_id=criteria.root_id, process_id=criteria.process_id),
        *tagged(criteria.tags),
    ]
    return [_process_instance(row) for row in await rows_of(db, SQL["process_instances"], tenant, conditions, page)]


async def running_instances(db: Database, tenant: str, process_ids: Sequence[int]) -> list[InstanceId]:
    """Return the instances of these processes that have not ended, by partition and id."""
    return [InstanceId(row["partition"], row["id"]) for row in await db.fetch(SQL["running"], tenant, process_ids)]


def _process_instance(row: Mapping[str, Any]) -> ProcessInstance:
    return ProcessInstance(
        partition=row["partition"],
        id=row["id"],
        parent_id=row["parent_id"],
        root_id=row["root_id"] if row["root_id"] != row["id"] else 0,
        process_id=row["process_id"],
        bpmn_process_id=row["bpmn_process_id"],
        correlation_key=row["correlation_key"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        ended_at=row["ended_at"] and rfc3339(row["ended_at"]),
        started_at=row["started_at"] and rfc3339(row["started_at"]),
        state=InstanceState(row["state"]),
        tags=tags_of(row["tags"]),
        version=row["version"],
    )
