"""Forgetting deliveries: what has come to its end a month ago, and all of webhooks that are deleted."""

import asyncio
from datetime import datetime, timedelta

from infra.delivery.stretches import SQL
from infra.delivery.writing import Writing

#: How long what has been delivered, or has failed, can be looked at and asked for again.
KEPT = timedelta(days=30)

#: One statement deletes this many, so that none of them holds anyone up, and rests as long as this.
CHUNK = 1_000
REST = 0.2


async def prune(writing: Writing, now: datetime) -> int:
    """Forget all that is old enough; return how many that were."""
    forgotten = 0
    for query, arguments in (("prune", (now - KEPT, CHUNK)), ("prune_deleted", (CHUNK,))):
        while True:
            async with writing.transaction() as session:
                gone = len(await session.fetch(SQL[query], *arguments))
            forgotten += gone
            if gone < CHUNK:
                break
            await asyncio.sleep(REST)
    async with writing.transaction() as session:
        await session.execute(SQL["forget_deleted"])
    return forgotten
