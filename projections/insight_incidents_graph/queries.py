"""What analysts ask about incidents over time."""

from pathlib import Path

from projections.database import Database, named_queries
from projections.time_spans import DAY, Range, cover
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class GraphRow(View, frozen=True, kw_only=True):
    """Incidents of a type, or error start events, of a UTC day, which begins at ``date``: milliseconds since 1970."""

    date: int
    total_instances: int
    incident_type: str


async def incidents_graph(
    db: Database, tenant: str, process_key: str, version: str, asked: Range
) -> list[GraphRow] | None:
    """Return the days of the range that had incidents, in order; none when no such version is deployed."""
    process_id = await db.fetchval(SQL["process"], tenant, process_key, version)
    if process_id is None:
        return None
    rows = await db.fetch(SQL["graph"], process_id, *cover(asked), *asked, DAY)
    return [
        GraphRow(date=row["date"], total_instances=row["total_instances"], incident_type=row["incident_type"])
        for row in rows
    ]
