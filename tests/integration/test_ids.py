"""Ids: unique across nodes, rising within an instance, and without a round trip for most of them."""

import asyncio
from contextlib import suppress
from datetime import date

import pytest

from domain.identity import INT32_MAX, IdKind, IdsExhausted
from domain.rejection import Unavailable
from infra.ids import BLOCK, IdBlocks, Ulids
from tests.integration.appending import DAY, connected


async def test_ids_count_from_one_for_each_kind_and_day(database: str) -> None:
    async with connected(database) as connection:
        ids = IdBlocks(connection)
        counters: list[tuple[IdKind, date | None]] = [("job", DAY), ("job", date(2026, 11, 24)), ("process", None)]
        for kind, day in counters:
            await ids.reserve(kind, day)
            assert [ids.next(kind, day) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["message", "message_subscription", "signal", "signal_subscription"])
async def test_messages_signals_and_subscriptions_are_counted_beyond_what_the_others_may_reach(
    database: str, kind: IdKind
) -> None:
    async with connected(database) as connection:
        await connection.executemany(
            "insert into log.id_blocks (kind, day, next) values ($1, coalesce($2::date, '-infinity'), $3)",
            [(kind, None, INT32_MAX + 1), ("process", None, INT32_MAX), ("user_task", DAY, INT32_MAX)],
        )
        ids = IdBlocks(connection)
        await ids.reserve(kind, None)
        assert ids.next(kind, None) == INT32_MAX + 1
        with pytest.raises(OverflowError):
            await ids.reserve("process", None)
        with pytest.raises(OverflowError):
            await ids.reserve("user_task", DAY)


async def test_a_kind_without_a_block_asks_for_one(database: str) -> None:
    async with connected(database) as connection:
        with pytest.raises(IdsExhausted) as exhausted:
            IdBlocks(connection).next("task", DAY)
    assert (exhausted.value.kind, exhausted.value.day) == ("task", DAY)


async def test_two_nodes_never_hand_out_the_same_id(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        nodes = IdBlocks(one), IdBlocks(other)
        for ids in nodes:
            await ids.reserve("job", DAY)
        handed = [ids.next("job", DAY) for _ in range(BLOCK // 4) for ids in nodes]
    assert len(set(handed)) == len(handed)


async def test_an_instance_that_changes_nodes_gets_rising_ids_and_no_block_is_thrown_away(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        here, there = IdBlocks(one), IdBlocks(other)
        for ids in (here, there):
            await ids.reserve("element_instance", DAY)
        highest = there.next("element_instance", DAY)
        assert highest == BLOCK + 1
        with pytest.raises(IdsExhausted):
            here.next("element_instance", DAY, above=highest)
        await here.reserve("element_instance", DAY)
        assert here.next("element_instance", DAY, above=highest) == 2 * BLOCK + 1
        assert here.next("element_instance", DAY) == 1


async def test_a_block_is_fetched_before_the_last_one_is_used_up(database: str) -> None:
    async with connected(database) as connection:
        ids = IdBlocks(connection)
        await ids.reserve("job", DAY)
        handed = []
        for _ in range(3 * BLOCK):
            try:
                handed.append(ids.next("job", DAY))
            except IdsExhausted:  # the loop never awaits otherwise, so only a full stop lets the fetch through
                await ids.reserve("job", DAY)
        assert handed == sorted(set(handed))
        assert len(handed) > 3 * BLOCK - 10


async def test_callers_who_ask_for_the_same_at_the_same_time_share_it(database: str) -> None:
    async with connected(database) as connection:
        ids = IdBlocks(connection)
        await asyncio.gather(*(ids.reserve("job", DAY, blocks) for blocks in (4, 4, 4)))
        assert await connection.fetchval("select next from log.id_blocks") == 4 * BLOCK + 1


def draw_in_vain(ids: IdBlocks, count: int) -> list[int]:
    """Draw so many ids for a decision that then lacks one of another kind."""
    drawn: list[int] = []
    with suppress(IdsExhausted), ids.drawing():
        drawn.extend(ids.next("job", DAY) for _ in range(count))
        ids.next("task", DAY)
    return drawn


async def test_what_a_decision_drew_is_drawn_again_when_it_came_to_nothing(database: str) -> None:
    async with connected(database) as connection:
        ids = IdBlocks(connection)
        await ids.reserve("job", DAY)
        with ids.drawing():
            assert [ids.next("job", DAY) for _ in range(2)] == [1, 2]
        assert draw_in_vain(ids, 3) == [3, 4, 5]
        assert ids.next("job", DAY) == 3
        assert draw_in_vain(ids, BLOCK - 3)[-1] == BLOCK
        await ids.reserve("job", DAY)
        assert ids.next("job", DAY) > BLOCK


async def test_ids_are_unavailable_while_the_database_is(database: str) -> None:
    async with connected(database) as connection:
        ids = IdBlocks(connection)
    with pytest.raises(Unavailable):  # the connection is closed
        await ids.reserve("job", DAY)


def test_ulids_rise_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    times = iter([5, 5, 5, 4, 6])
    ulids = Ulids(lambda: next(times))
    made = [ulids.ulid() for _ in range(5)]
    assert made == sorted(set(made))
    assert {len(ulid) for ulid in made} == {26}
