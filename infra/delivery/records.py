"""What there is to know about deliveries, for those who ask: which there are, what became of them, each attempt."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from domain.identity import INT64_MAX
from projections.database import Database, named_queries

#: ``pending``: it is going to be sent, for the first time or again. ``failed``: not any more, unless somebody asks.
#: ``lost``: never again, because a failover or restore has taken the event out of the log.
State = Literal["pending", "delivered", "failed", "lost"]

#: What an attempt came to. None of the words tells what is on the other side, but for the status of an answer.
Result = Literal["delivered", "status", "timeout", "connection", "address", "tls"]

#: Attempts that are shown of a delivery; one that is asked for again and again has ever more of them.
MOST_ATTEMPTS = 100

SQL = named_queries(Path(__file__).with_name("records.sql"))


class DeliveryRecord(msgspec.Struct, frozen=True):
    """One event on its way to one webhook (its ULID). ``sequence`` numbers the webhook's deliveries from 1 on.

    ``last_status`` is the HTTP status of the last answer, if that was one; ``era`` is the id of the event's era of the
    log, empty for the first.
    """

    webhook: str
    position: int
    sequence: int
    type: str
    state: State
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_outcome: Result | None
    last_status: int | None
    delivered_at: datetime | None
    era: str = ""


class AttemptRecord(msgspec.Struct, frozen=True):
    """One attempt, numbered from 1 on, and where it went."""

    number: int
    started_at: datetime
    milliseconds: int
    outcome: Result
    status: int | None
    url: str


async def deliveries(
    database: Database, webhook: str, *, states: Sequence[State] = (), before: int | None = None, limit: int
) -> list[DeliveryRecord]:
    """Return a webhook's deliveries with numbers below ``before``, in some states (none: any), the newest first."""
    below = INT64_MAX if before is None else before
    if states:
        rows = await database.fetch(SQL["deliveries_in"], webhook, below, limit, list(states))
    else:
        rows = await database.fetch(SQL["deliveries"], webhook, below, limit)
    return [DeliveryRecord(*row) for row in rows]


async def find_delivery(
    database: Database, webhook: str, position: int, era: str = ""
) -> tuple[DeliveryRecord, list[AttemptRecord]] | None:
    """Return what became of one event, with the newest attempts in their order; None where it was never scheduled."""
    row = await database.fetchrow(SQL["delivery"], webhook, position, era)
    if row is None:
        return None
    attempts = await database.fetch(SQL["attempts"], webhook, position, era, MOST_ATTEMPTS)
    return DeliveryRecord(*row), [AttemptRecord(*attempt) for attempt in attempts]


async def era_at(database: Database, position: int) -> str:
    """Return the id of the era of what is at a position of the log, or is going to be; empty for the first era."""
    era: str = await database.fetchval(SQL["era_at"], position)
    return era


async def in_log(database: Database, record: DeliveryRecord) -> bool:
    """Tell whether the event of a delivery is in the log, which may have lost it."""
    there: bool = await database.fetchval(SQL["in_log"], record.position, record.era)
    return there


async def scheduled_upto(database: Database) -> int:
    """Return the position up to which the log has been looked through for what is to be delivered."""
    position: int = await database.fetchval(SQL["scheduled_upto"])
    return position
