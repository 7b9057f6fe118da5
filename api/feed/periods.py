"""The figures of a period (contracts/incidents.md 2.5)."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from api.feed.bodies import FeedFigures
from api.feed.listing import SEVERITIES
from domain.incidents.dialects import FEED
from projections.database import Database
from projections.incident_analytics.queries import incident_figures

PERIODS: Mapping[str, timedelta] = {"7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
DEFAULT_PERIOD = "30d"


async def figures_of(db: Database, tenant: str, period: str, now: datetime) -> FeedFigures:
    """Return the figures of the incidents that were opened within the period that ends now."""
    found = await incident_figures(db, tenant, now - PERIODS[period], now)
    by_severity: Counter[str] = Counter(dict.fromkeys(SEVERITIES, 0))
    for rank, number in found.by_severity.items():
        by_severity[FEED.severities[rank]] += number
    total, resolved = found.total_incidents, found.resolved_incidents
    return FeedFigures(
        total_incidents=total,
        resolved_incidents=resolved,
        mttr=found.mttr,
        resolution_rate=resolved / total if total else 0,
        by_severity=by_severity,
    )
