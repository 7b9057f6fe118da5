"""Where deliveries stand: for readiness."""

from datetime import datetime

import msgspec

from projections.database import Database

STANDING = """
select progress.position, head.position, greatest(head.position - progress.position, 0), failed_at, error, failed_since
  from delivery.progress
 cross join log.head
"""


class DeliveryStanding(msgspec.Struct, frozen=True, rename="camel"):
    """``position`` is how far the log has been told to webhooks, ``lag`` the number of facts that are yet to be.

    ``failed_at`` is the position of the fact that cannot be told; ``error`` and ``failed_since`` are why, since when.
    """

    position: int
    head: int
    lag: int
    failed_at: int | None = None
    error: str | None = None
    failed_since: datetime | None = None


async def delivery_standing(database: Database) -> DeliveryStanding:
    """Say where deliveries stand, whoever makes them."""
    return DeliveryStanding(*await database.fetchrow(STANDING))
