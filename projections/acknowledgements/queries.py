"""What the policy of acknowledgement time-outs asks."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Expired(NamedTuple):
    """An incident that has been acknowledged for longer than its tenant lets it be."""

    tenant: str
    incident: str


async def expired_acknowledgements(db: Database, now: datetime, limit: int) -> Sequence[Expired]:
    """Return incidents of all tenants, at most ``limit`` of them."""
    return [Expired(row["tenant"], row["incident"]) for row in await db.fetch(SQL["expired"], now, limit)]
