"""What engine clients ask about events that wait for signals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, rows_of
from projections.criteria import Page, SignalSubscriptionCriteria
from projections.database import Database, named_queries
from projections.views import SignalSubscription

SQL = named_queries(Path(__file__).with_name("queries.sql"))


async def find_signal_subscriptions(
    db: Database, tenant: str, criteria: SignalSubscriptionCriteria, page: Page
) -> list[SignalSubscription]:
    """Return the subscriptions that meet the criteria and are not over, by id."""
    conditions = [
        *equal(partition=criteria.partition, name=criteria.name),
        *led_by(process_instance_id=criteria.process_instance_id),
    ]
    rows = await rows_of(db, SQL["signal_subscriptions"], tenant, conditions, page)
    return [_signal_subscription(row) for row in rows]


def _signal_subscription(row: Mapping[str, Any]) -> SignalSubscription:
    return SignalSubscription(
        id=row["id"],
        partition=row["partition"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        bpmn_element_id=row["bpmn_element_id"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        name=row["name"],
    )
