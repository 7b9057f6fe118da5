"""What engine clients ask about processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import equal, rows_of, tagged, tags_of
from projections.criteria import Page, ProcessCriteria
from projections.database import Database, named_queries
from projections.views import Process

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_processes(db: Database, tenant: str, criteria: ProcessCriteria, page: Page) -> list[Process]:
    """Return the deployed versions that meet the criteria, by id."""
    conditions = [*equal(id=criteria.id), *tagged(criteria.tags)]
    return [_process(row) for row in await rows_of(db, SQL["processes"], tenant, conditions, page)]


async def find_xml(db: Database, tenant: str, process_id: int) -> str | None:
    """Return the BPMN XML of a version exactly as it was given, or none when there is no such version."""
    xml: str | None = await db.fetchval(SQL["xml"], tenant, process_id)
    return xml


def _process(row: Mapping[str, Any]) -> Process:
    return Process(
        id=row["id"],
        bpmn_collaboration_id=row["bpmn_collaboration_id"],
        bpmn_participant_id=row["bpmn_participant_id"],
        bpmn_participant_name=row["bpmn_participant_name"],
        bpmn_process_id=row["bpmn_process_id"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        parallelism=row["parallelism"],
        tags=tags_of(row["tags"]),
        version=row["version"],
    )
