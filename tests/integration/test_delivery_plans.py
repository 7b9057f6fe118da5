"""What is asked of deliveries costs what it finds, however much waits of webhooks that are disabled."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from infra.delivery.records import State, deliveries
from infra.delivery.stretches import SQL
from tests.integration.explaining import Explaining

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LAST_OF_ALL = 40_000

#: The first webhook is disabled, and much waits, of which a little has failed; the second is ordered.
WEBHOOKS = """
insert into delivery.webhooks (webhook, tenant, state, active, ordered)
values ('W1', 'default', '{}', false, false), ('W2', 'default', '{}', true, true), ('W3', 'default', '{}', true, false)
"""
WAITING = """
insert into delivery.deliveries (webhook, position, sequence, type, body, state, created_at, next_attempt_at)
select 'W1', n, n, 'job.created.v1', convert_to(repeat('x', 400), 'UTF8'),
       case when n <= 9 then 'failed' else 'pending' end, $1::timestamptz, case when n > 9 then $1::timestamptz end
  from generate_series(1, $2::bigint) as n
"""
DELIVERY = """
insert into delivery.deliveries (webhook, position, sequence, type, body, state, created_at, next_attempt_at)
values ($1, $2, $2, 'job.created.v1', '{}', 'pending', $3, $4)
"""


@pytest.fixture(params=["select", "analyze delivery.deliveries"], ids=["no statistics", "statistics"])
async def connection(database: str, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database)
    await connection.execute(WEBHOOKS)
    await connection.execute(WAITING, NOW - timedelta(days=40), LAST_OF_ALL)
    later, sooner = NOW + timedelta(hours=1), NOW - timedelta(minutes=5)
    for delivery in (("W2", 1, NOW, later), ("W2", 2, NOW, sooner), ("W3", 1, NOW, later), ("W3", 2, NOW, sooner)):
        await connection.execute(DELIVERY, *delivery)
    await connection.execute(request.param)
    yield connection
    await connection.close()


async def test_figures_are_of_what_is_sent_and_the_oldest_is_the_oldest(connection: Any) -> None:
    explaining = Explaining(connection)

    async def figures(at: datetime) -> tuple[Any, ...]:
        (row,) = await explaining.fetch(SQL["figures"], at)
        return tuple(row.values())

    for _ in range(7):  # the first plans are for these very arguments, later ones for any
        assert await figures(NOW) == (4, NOW - timedelta(minutes=5))
    assert explaining.looked_at_few_pages, explaining.pages
    await connection.execute("update delivery.deliveries set next_attempt_at = $1 where webhook = 'W3'", NOW)
    assert await figures(NOW) == (4, NOW), "what is ordered waits for its turn"
    assert await figures(NOW - timedelta(seconds=1)) == (4, None)


async def test_what_is_forgotten_is_found_beside_what_waits(connection: Any) -> None:
    explaining = Explaining(connection)
    query = SQL["prune"].replace("delete from delivery.deliveries using old", "select from delivery.deliveries, old")
    query = query.replace("returning true", "")
    for _ in range(7):
        assert len(await explaining.fetch(query, NOW - timedelta(days=30), 1_000)) == 9
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (("failed",), [9, 8, 7, 6, 5]),
        (("lost",), []),
        (("pending",), [20, 19, 18, 17, 16]),
        (("failed", "lost"), [9, 8, 7, 6, 5]),
        (("failed", "pending"), [20, 19, 18, 17, 16]),
        ((), [20, 19, 18, 17, 16]),
    ],
)
async def test_lists_are_read_from_an_index(connection: Any, states: tuple[State, ...], found: list[int]) -> None:
    explaining = Explaining(connection)
    for _ in range(7):
        listed = await deliveries(explaining, "W1", states=states, before=21, limit=5)
        assert [record.sequence for record in listed] == found
    assert explaining.looked_at_few_pages, explaining.pages
