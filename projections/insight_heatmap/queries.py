"""What analysts ask about activities."""

from pathlib import Path

from projections.database import Database, named_queries
from projections.time_spans import Range, cover
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class HeatmapRow(View, frozen=True, kw_only=True):
    """An activity: its incidents by what became of them, and its element instances."""

    act_id: str
    active_incidents: int
    completed_incidents: int
    canceled_incidents: int
    total_incidents: int
    instance_count: int


async def heatmap(db: Database, tenant: str, process_key: str, version: str, asked: Range) -> list[HeatmapRow] | None:
    """Return the activities with instances or incidents in the range; none when no such version is deployed."""
    process_id = await db.fetchval(SQL["process"], tenant, process_key, version)
    if process_id is None:
        return None
    rows = await db.fetch(SQL["heatmap"], process_id, *cover(asked), *asked, process_key)
    return [
        HeatmapRow(
            act_id=row["element"],
            active_incidents=row["active"],
            completed_incidents=row["completed"],
            canceled_incidents=row["canceled"],
            total_incidents=row["active"] + row["completed"] + row["canceled"],
            instance_count=row["instances"],
        )
        for row in rows
    ]
