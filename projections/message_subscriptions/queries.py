"""What engine clients ask about events that wait for messages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of
from projections.criteria import MessageSubscriptionCriteria, Page
from projections.database import Database, named_queries
from projections.views import MessageSubscription

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_message_subscriptions(
    db: Database, tenant: str, criteria: MessageSubscriptionCriteria, page: Page
) -> list[MessageSubscription]:
    """Return the subscriptions that meet the criteria and are not over, by id."""
    conditions = [
        *equal(partition=criteria.partition, name=criteria.name, correlation_key=criteria.correlation_key),
        *led_by(process_instance_id=criteria.process_instance_id),
    ]
    rows = await rows_of(db, SQL["message_subscriptions"], tenant, conditions, page)
    return [_message_subscription(row) for row in rows]


def _message_subscription(row: Mapping[str, Any]) -> MessageSubscription:
    return MessageSubscription(
        id=row["id"],
        partition=row["partition"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        bpmn_element_id=row["bpmn_element_id"],
        correlation_key=row["correlation_key"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        name=row["name"],
    )
