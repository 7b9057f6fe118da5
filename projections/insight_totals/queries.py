"""What analysts ask about totals."""

from pathlib import Path

from projections.database import Database, named_queries
from projections.insight_totals.projector import EXCEPTION, INCIDENT
from projections.time_spans import Range, cover
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Totals(View, frozen=True, kw_only=True):
    """``total_exceptions`` counts error start events that fired."""

    total_incidents: int
    total_exceptions: int


async def totals(db: Database, tenant: str, process_key: str, version: str, asked: Range) -> Totals | None:
    """Return what happened in the range; none when no such version is deployed."""
    process_id = await db.fetchval(SQL["process"], tenant, process_key, version)
    if process_id is None:
        return None
    rows = await db.fetch(SQL["totals"], process_id, *cover(asked), *asked)
    times = {row["kind"]: row["times"] for row in rows}
    return Totals(total_incidents=times.get(INCIDENT, 0), total_exceptions=times.get(EXCEPTION, 0))
