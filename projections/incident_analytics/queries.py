"""What analysts ask about incidents of every source."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from domain.incidents.dialects import RANKS
from projections.database import Database, named_queries
from projections.time_spans import SECOND, between, cover

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Figures(msgspec.Struct, frozen=True):
    """Incidents that were created in a range of time, as they stand now.

    Resolved are those that were resolved in their current cycle of work, closed since or not. ``mttr`` is the mean time
    from their start until then, in seconds; none without any. ``by_severity`` has all ranks, from 4 to 0.
    """

    total_incidents: int
    resolved_incidents: int
    mttr: float | None
    by_severity: Mapping[int, int]


async def incident_figures(db: Database, tenant: str, since: datetime, until: datetime) -> Figures:
    """Return the figures of the incidents that were created from ``since`` to ``until``, both included."""
    asked = between(since, until)
    rows = await db.fetch(SQL["figures"], tenant, *cover(asked), *asked) if asked.begin < asked.end else []
    counts = {row["severity"]: row["incidents"] for row in rows}
    resolved = sum(row["resolved"] for row in rows)
    recovery = sum(row["recovery"] for row in rows)
    return Figures(
        total_incidents=sum(counts.values()),
        resolved_incidents=resolved,
        mttr=recovery / resolved / SECOND if resolved else None,
        by_severity={rank: counts.get(rank, 0) for rank in RANKS},
    )
