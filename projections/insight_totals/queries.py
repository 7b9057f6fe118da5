"""What analysts ask about totals."""

from pathlib import Path

from projections.database import Database, named_queries
from projections.time_spans import Range, cover
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Totals(View, frozen=True, kw_only=True):
    """``total_exceptions`` counts error start events that fired; they are not built yet."""

    total_incidents: int
    total_exceptions: int


async def totals(db: Database, tenant: str, process_key: str, version: str, asked: Range) -> Totals | None:
    """Return how many incidents were created in the range; none when no such version is deployed."""
    process_id = await db.fetchval(SQL["process"], tenant, process_key, version)
    if process_id is None:
        return None
    incidents = await db.fetchval(SQL["totals"], process_id, *cover(asked), *asked)
    return Totals(total_incidents=incidents, total_exceptions=0)
