"""What is told of deliveries: newest first, in pages, by state, each with its attempts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from infra.delivery.records import AttemptRecord, State, deliveries, find_delivery, scheduled_upto

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOOK, OTHER = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"


@pytest.fixture
async def filled(database: str) -> Any:
    connection = await asyncpg.connect(database)
    for sequence, state in enumerate(("delivered", "failed", "pending", "delivered"), 1):
        await connection.execute(
            "insert into delivery.deliveries (webhook, position, sequence, type, body, state, created_at,"
            " next_attempt_at) values ($1, $2, $3, 'job.created.v1', '{}', $4, $5, $6)",
            *(HOOK, 10 * sequence, sequence, state, AT, AT if state == "pending" else None),
        )
    for number in (1, 2):
        await connection.execute(
            "insert into delivery.attempts values ($1, 20, $2, $3, 7, 'status', 503, 'https://example.org/')",
            *(HOOK, number, AT + timedelta(seconds=number)),
        )
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    ("states", "before", "limit", "found"),
    [
        ((), None, 10, [4, 3, 2, 1]),
        ((), None, 2, [4, 3]),
        ((), 3, 10, [2, 1]),
        (("delivered",), None, 10, [4, 1]),
        (("pending", "failed"), 3, 10, [2]),
    ],
)
async def test_deliveries_are_listed_newest_first(
    filled: Any, states: tuple[State, ...], before: int | None, limit: int, found: list[int]
) -> None:
    listed = await deliveries(filled, HOOK, states=states, before=before, limit=limit)
    assert [record.sequence for record in listed] == found
    assert await deliveries(filled, OTHER, limit=10) == []


async def test_a_delivery_is_shown_with_its_attempts_in_order(filled: Any) -> None:
    found = await find_delivery(filled, HOOK, 20)
    assert found is not None
    record, attempts = found
    assert (record.sequence, record.state, record.created_at, record.next_attempt_at) == (2, "failed", AT, None)
    assert attempts == [
        AttemptRecord(number, AT + timedelta(seconds=number), 7, "status", 503, "https://example.org/")
        for number in (1, 2)
    ]
    assert await find_delivery(filled, HOOK, 21) is None
    assert await find_delivery(filled, OTHER, 20) is None


async def test_a_log_of_which_nothing_is_scheduled_is_scheduled_up_to_its_beginning(filled: Any) -> None:
    assert await scheduled_upto(filled) == 0
