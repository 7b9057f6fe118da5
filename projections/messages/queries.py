"""What engine clients ask about messages."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import Condition, equal, rows_of
from projections.criteria import MessageCriteria, Page
from projections.database import Database, named_queries
from projections.views import Message

SQL = named_queries(Path(__file__).with_name("queries.sql"))

NOT_EXPIRED = "(expires_at is null or expires_at > {})"


async def find_messages(
    db: Database, tenant: str, criteria: MessageCriteria, page: Page, now: datetime
) -> list[Message]:
    """Return the messages that meet the criteria, by id; ``now`` is engine time, at which some have expired."""
    conditions = equal(id=criteria.id, name=criteria.name)
    if criteria.exclude_expired:
        conditions.append(Condition(NOT_EXPIRED, now))
    return [_message(row) for row in await rows_of(db, SQL["messages"], tenant, conditions, page)]


def _message(row: Mapping[str, Any]) -> Message:
    return Message(
        id=row["id"],
        correlation_key=row["correlation_key"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        expires_at=row["expires_at"] and rfc3339(row["expires_at"]),
        correlated=row["correlated"],
        name=row["name"],
        unique_key=row["unique_key"],
    )
