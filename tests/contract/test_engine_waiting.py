"""Waiting for jobs, and locks that expire (``POST /jobs/lock``, beyond contracts/engine.md)."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.contract.working import Client, engine_client, served_engine

#: Seconds within which something that happens at once has happened, on a busy machine too.
SOON = 5.0


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database, set_time_enabled=True) as client:
        await client.deploy()
        yield client


async def lock(engine: Client, milliseconds: int, **more: Any) -> list[Any]:
    body = {"limit": 10, "workerId": "worker", "requestTimeout": milliseconds, **more}
    jobs: list[Any] = (await engine.ok("POST", "/jobs/lock", body))["jobs"]
    return jobs


async def test_an_answer_waits_for_a_job_to_come_up(engine: Client) -> None:
    waiting = asyncio.create_task(lock(engine, 30_000))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    started = await engine.start()
    (job,) = await asyncio.wait_for(waiting, SOON)
    assert job["processInstanceId"] == started["id"]


async def test_an_answer_does_not_wait_when_there_is_a_job(engine: Client) -> None:
    await engine.start()
    assert len(await asyncio.wait_for(lock(engine, 30_000), SOON)) == 1


async def test_an_answer_waits_no_longer_than_it_was_asked_to(engine: Client) -> None:
    begun = time.monotonic()
    assert await lock(engine, 300) == []
    assert 0.3 <= time.monotonic() - begun < SOON


async def test_a_job_that_comes_up_goes_to_one_of_those_who_wait(engine: Client) -> None:
    waiting = [asyncio.create_task(lock(engine, 1_500, workerId=f"worker {number}")) for number in range(5)]
    await asyncio.sleep(0.1)
    await engine.start()
    assert sorted(len(jobs) for jobs in await asyncio.gather(*waiting)) == [0, 0, 0, 0, 1]


async def test_a_job_that_falls_due_while_somebody_waits_is_given_out(engine: Client) -> None:
    await engine.start()
    (job,) = await engine.lock()
    await engine.complete(job, error="not yet", retryLimit=1, retryTimer="PT1H")
    waiting = asyncio.create_task(lock(engine, 30_000))
    await asyncio.sleep(0.1)
    await engine.ok("PATCH", "/time", {"timeDuration": "PT1H"})
    assert [again["retryCount"] for again in await asyncio.wait_for(waiting, SOON)] == [1]


async def test_who_waits_for_one_process_is_not_answered_with_jobs_of_another(engine: Client) -> None:
    waiting = asyncio.create_task(lock(engine, 600, processIds=[2_000_000]))
    await asyncio.sleep(0.1)
    await engine.start()
    assert await waiting == []
    assert len(await engine.lock()) == 1


async def test_a_client_that_goes_away_takes_no_job(database: str) -> None:
    async with served_engine(database) as engine:
        await engine.deploy()
        waiting = asyncio.create_task(lock(engine, 30_000))
        await asyncio.sleep(0.3)
        waiting.cancel()  # which closes the connection
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0.3)
        await engine.start()
        assert len(await asyncio.wait_for(lock(engine, 30_000, workerId="other"), SOON)) == 1


async def test_a_node_that_stops_answers_who_waits(database: str) -> None:
    async with served_engine(database, stop_timeout=30.0) as engine:
        await engine.deploy()
        waiting = asyncio.create_task(lock(engine, 30_000))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
    assert await waiting == []
    assert time.monotonic() - begun < SOON


async def test_a_lock_with_a_time_expires_and_the_job_is_due_again(engine: Client) -> None:
    await engine.start()
    (job,) = await lock(engine, 0, lockTimeout="PT1M")
    assert await engine.lock(worker="other") == []
    await engine.ok("PATCH", "/time", {"timeDuration": "PT1M"})
    (again,) = await asyncio.wait_for(lock(engine, 30_000, workerId="other"), SOON)
    assert (again["id"], again["lockedBy"], again["retryCount"]) == (job["id"], "other", 0)
    late = await engine.call("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", {"workerId": "worker"})
    assert late.status_code == 409


@pytest.mark.parametrize("executor", [True, False])
async def test_a_lock_expires_after_the_deployment_s_time_where_the_worker_names_none(
    database: str, *, executor: bool
) -> None:
    settings = {"set_time_enabled": True, "job_lock_timeout": "PT1M", "task_executor_enabled": executor}
    async with engine_client(database, **settings) as engine:
        await engine.deploy()
        await engine.start()
        (job,) = await engine.lock()
        await engine.ok("PATCH", "/time", {"timeDuration": "PT1M"})
        (again,) = await asyncio.wait_for(lock(engine, 30_000, workerId="other"), SOON)
        assert again["id"] == job["id"]


async def test_a_client_that_goes_away_while_jobs_are_locked_for_it_holds_none(database: str) -> None:
    async with served_engine(database) as engine:
        await engine.deploy()
        await engine.start()
        connection: Any = await asyncpg.connect(database)
        async with connection.transaction():
            await connection.execute("select from log.head for update")  # nothing is appended until the block ends
            waiting = asyncio.create_task(lock(engine, 30_000))
            await asyncio.sleep(0.5)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await asyncio.sleep(0.5)
        await connection.close()
        assert len(await asyncio.wait_for(lock(engine, 30_000, workerId="other"), SOON)) == 1
