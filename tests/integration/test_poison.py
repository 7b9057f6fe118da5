"""A fact that cannot be read or applied stops only the read models it concerns, before it, for all to see."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.bpmn.events import ElementPassed, JobLocked
from infra.following import applying, metrics, turn
from infra.following.batches import Batch, Failure
from infra.postgres import Pool
from tests.integration.following_stage import (
    LOCKED,
    Faults,
    append,
    append_many,
    connected,
    follower_pool,
    following,
    once_each,
    stopped_at,
    tally,
    times,
    total,
)

GOOD = b'{"id":1}'
BAD = b'{"id":"one"}'


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _little_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "FIRST_REST", 0.05)
    monkeypatch.setattr(turn, "LONGEST_REST", 0.2)


async def mend(database: Any, position: int) -> None:
    await database.execute(
        "update log.events set topic = $2, state = $3 where notification_id = $1", position, LOCKED, GOOD
    )


async def test_a_projector_that_raises_stops_alone_before_the_fact_and_goes_on_once_it_is_mended(pool: Pool) -> None:
    faults = Faults(37)
    broken, sound = tally("broken", faults=faults), tally("sound")
    await append_many(pool, 100)
    async with following(pool, [broken, sound]) as stage:
        stopped = await stage.until("broken", lambda standing: standing.state == "failed", seconds=5)
        assert (stopped.position, stopped.failed_at, stopped.error) == (36, 37, "Refusal: at [37]")
        assert stopped.failed_since is not None
        await append_many(pool, 100)
        await stage.level("sound")
        assert await times(pool, sound) == once_each(200)
        assert (await stage.standing("broken")).position == 36
        assert await times(pool, broken) == once_each(36)
        faults.positions.clear()
        await stage.level("broken")
    assert await times(pool, broken) == once_each(200)
    assert await total(pool, broken) == 200


async def test_a_stopped_read_model_is_in_the_log_lines_and_the_metrics(pool: Pool) -> None:
    faults = Faults(5)
    await append_many(pool, 10)
    with capture_logs() as lines:
        async with following(pool, [tally("loud", faults=faults)]) as stage:
            await stage.until("loud", lambda standing: standing.failed_at == 5, seconds=5)
            failed = metrics.FAILED.labels("loud")
            lag = metrics.LAG.labels("loud")
            await stage.until("loud", lambda _: failed._value.get() == 1)
            assert lag._value.get() == 6
            faults.positions.clear()
            await stage.until("loud", lambda _: failed._value.get() == 0)
    stops = [line for line in lines if line["event"] == "a read model stopped"]
    assert {(line["log_level"], line["read_model"], line["failed_at"]) for line in stops} == {("error", "loud", 5)}


async def test_a_fact_that_cannot_be_read_stops_only_those_that_look_at_its_kind(pool: Pool) -> None:
    looking, all_seeing, elsewhere = (
        tally("looking", (JobLocked,)),
        tally("all_seeing"),
        tally("elsewhere", (ElementPassed,)),
    )
    await append_many(pool, 30)
    await append(pool, (LOCKED, BAD))
    await append_many(pool, 30)
    async with following(pool, [looking, all_seeing, elsewhere]) as stage:
        await stage.level("elsewhere")
        for name in ("looking", "all_seeing"):
            stopped = await stage.until(name, lambda standing: standing.state == "failed", seconds=5)
            assert (stopped.position, stopped.failed_at) == (30, 31)
            assert "UnreadableFact" in (stopped.error or "")
        await mend(pool, 31)
        await stage.level("looking", "all_seeing")
    assert await times(pool, all_seeing) == once_each(61)


async def test_a_topic_that_nobody_knows_stops_all_for_it_may_concern_any(pool: Pool) -> None:
    models = [tally("looking", (JobLocked,)), tally("elsewhere", (ElementPassed,))]
    await append_many(pool, 10)
    await append(pool, ("job.locked.v9", GOOD))
    await append_many(pool, 10)
    async with following(pool, models) as stage:
        for model in models:
            stopped = await stage.until(model.name, lambda standing: standing.state == "failed", seconds=5)
            assert (stopped.position, stopped.failed_at) == (10, 11)
        await mend(pool, 11)
        await stage.level("looking", "elsewhere")


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(4, 300))]
)
async def test_read_models_with_faults_at_random_places_each_stop_exactly_there(pool: Pool, seed: int) -> None:
    chance = random.Random(seed)
    faults = [Faults(*chance.sample(range(1, 151), 3)) for _ in range(3)]
    models = [tally(f"broken_{number}", faults=fault) for number, fault in enumerate(faults)]
    sound = tally("sound")
    await append_many(pool, 150)
    async with following(pool, [*models, sound]) as stage:
        await stage.level("sound")
        for _ in range(3):
            for model, fault in zip(models, faults, strict=True):
                place = min(fault.positions)
                stopped = await stage.until(model.name, stopped_at(place))
                assert stopped.position == place - 1, f"seed {seed}"
                fault.positions.remove(place)
        await stage.level(*(model.name for model in models))
    for model in [*models, sound]:
        assert await times(pool, model) == once_each(150)
        assert await total(pool, model) == 150


async def test_a_follower_that_skipped_what_fails_would_be_found_out(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def skipping(batch: Batch, apply: Callable[[Batch], Awaitable[None]]) -> Failure | None:
        for begin in range(len(batch.facts)):
            part = batch.part(begin, begin + 1)
            try:
                await apply(part)
            except Exception:  # noqa: BLE001  (the mistake that this control makes)
                await apply(Batch(part.after, part.upto, ()))
        return None

    monkeypatch.setattr("infra.following.applying.apply_in_parts", skipping)
    broken = tally("broken", faults=Faults(7))
    await append_many(pool, 10)
    async with following(pool, [broken, tally("sound")]) as stage:
        await stage.level("broken")
    assert await times(pool, broken) != once_each(10)


async def test_a_table_that_somebody_locked_stops_its_read_model_and_no_other(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "TRANSACTION", applying.TRANSACTION.replace("'2s'", "'100ms'"))
    locked, free = tally("locked"), tally("free")
    async with following(pool, [locked, free]) as stage, connected(database) as other:
        await append_many(pool, 10)
        await stage.level("locked", "free")
        async with other.transaction():
            await other.execute("lock table read.locked")
            await append_many(pool, 10)
            await stage.level("free")
            stopped = await stage.until("locked", lambda standing: standing.state == "failed")
            assert (stopped.position, stopped.failed_at) == (10, 11)
            assert "LockNotAvailable" in (stopped.error or "")
        await stage.level("locked")
    assert await times(pool, locked) == await times(pool, free) == once_each(20)


async def test_a_position_that_somebody_locked_for_long_is_no_fault_of_any_read_model(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "TRANSACTION", applying.TRANSACTION.replace("'2s'", "'100ms'"))
    with capture_logs() as lines:
        async with following(pool, [tally("first"), tally("second")]) as stage, connected(database) as other:
            await stage.level("first", "second")
            async with other.transaction():
                await other.execute("select from log.followers where name = 'first' for update")
                await append_many(pool, 10)
                await asyncio.sleep(1)
            await stage.level("first", "second")
    assert "a read model stopped" not in {line["event"] for line in lines}


async def test_a_read_model_whose_tables_cannot_be_made_holds_up_no_other(pool: Pool) -> None:
    sound = tally("sound")
    askew = type(sound)("askew", 1, "create table askew (", ("askew",), sound.project)
    await append_many(pool, 10)
    async with following(pool, [askew, sound]) as stage:
        await stage.level("sound")
        assert (await stage.standing("askew")).state == "missing"
