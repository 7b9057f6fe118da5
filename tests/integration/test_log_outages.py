"""Appending while connections break and the database stalls: what was confirmed is there, once; the rest is said."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from commands.context import AlreadyDone, Conflict
from domain.rejection import Unavailable
from infra.event_log.log import EventLog
from tests.integration.appending import connected, context, decision, instance, open_log, passed, writers_way


class LosesAnswers:
    """A connection that breaks after the server has done what it was asked, and before the answer arrives."""

    def __init__(self, connection: Any, losses: list[int]) -> None:
        self._connection = connection
        self._losses = losses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def prepare(self, query: str) -> "Statement":
        return Statement(self._connection, await self._connection.prepare(query), self._losses)


class Statement(NamedTuple):
    """What is prepared on such a connection."""

    connection: Any
    prepared: Any
    losses: list[int]

    async def fetchrow(self, *arguments: Any) -> Any:
        answer = await self.prepared.fetchrow(*arguments)
        if self.losses:
            self.losses.pop()
            self.connection.terminate()
            raise ConnectionResetError("the answer is lost")
        return answer


def losing_answers(dsn: str, losses: list[int]) -> Callable[[], Awaitable[Any]]:
    connect = writers_way(dsn)

    async def connecting() -> Any:
        return LosesAnswers(await connect(), losses)

    return connecting


async def backend_of_writer(dsn: str) -> int | None:
    async with connected(dsn) as connection:
        pid: int | None = await connection.fetchval(
            "select pid from pg_stat_activity where application_name = 'annals writer' and datname = current_database()"
        )
        return pid


async def test_commands_whose_answer_was_lost_are_confirmed_once_and_not_stored_again(database: str) -> None:
    async with open_log(database, losing_answers(database, [1, 2, 3])) as log:
        confirmed = await asyncio.gather(
            *(log.append(decision(instance(n), 0, passed(n), passed(n)), context()) for n in range(1, 9))
        )
        facts = await log.read_all(0, 100)
    assert sorted(confirmed) == list(range(2, 17, 2))
    assert [fact.position for fact in facts] == list(range(1, 17))
    assert {(fact.stream, fact.version) for fact in facts} == {(instance(n), v) for n in range(1, 9) for v in (1, 2)}


async def test_a_command_that_another_node_stored_meanwhile_is_not_taken_for_ones_own(database: str) -> None:
    async with open_log(database) as other:
        await other.append(decision(instance(1), 0), context("key-1"))
    async with open_log(database, losing_answers(database, [1])) as log:
        with pytest.raises(AlreadyDone):
            await log.append(decision(instance(2), 0), context("key-1"))


async def write_until(log: EventLog, stream: str, done: asyncio.Event, confirmed: dict[tuple[str, int], int]) -> None:
    version = 0
    while not done.is_set():
        try:
            position = await log.append(decision(stream, version, passed(version + 1)), context())
        except (Unavailable, Conflict):
            version = len(await log.read(stream))
        else:
            version += 1
            confirmed[stream, version] = position


async def kill_writers(dsn: str, times: int, done: asyncio.Event) -> None:
    """Kill the writer's connection so many times, however slow the machine is; then set ``done``."""
    rng = random.Random(20261123)
    async with connected(dsn) as connection:
        while times > 0:
            await asyncio.sleep(rng.uniform(0.01, 0.05))
            times -= await connection.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where application_name = 'annals writer' and datname = current_database()"
            )
    done.set()


async def test_killing_the_connection_at_any_moment_loses_and_doubles_nothing(database: str) -> None:
    confirmed: dict[tuple[str, int], int] = {}
    done = asyncio.Event()
    async with open_log(database) as log:
        writers = [write_until(log, instance(n), done, confirmed) for n in range(1, 17)]
        await asyncio.gather(kill_writers(database, 25, done), *writers)
        facts = await log.read_all(0, 1_000_000)
    stored = {(fact.stream, fact.version): fact.position for fact in facts}
    assert len(confirmed) > 100
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
    assert all(fact.event == passed(fact.version) for fact in facts)
    assert {key: stored.get(key) for key in confirmed} == confirmed
    assert len(facts) == len(confirmed), "every writer goes on until its command is confirmed"


async def test_a_database_that_cannot_be_reached_is_unavailable_in_time_and_recovers_by_itself(database: str) -> None:
    reachable = asyncio.Event()
    connect = writers_way(database)

    async def connecting() -> Any:
        if not reachable.is_set():
            raise ConnectionRefusedError
        return await connect()

    async with open_log(database, connecting, patience=0.3) as log:
        began = time.monotonic()
        outcomes = await asyncio.gather(
            *(log.append(decision(instance(n), 0), context()) for n in range(1, 5)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4
        assert 0.3 <= time.monotonic() - began < 1.0
        reachable.set()
        assert await log.append(decision(instance(1), 0), context()) == 1


async def test_a_database_that_comes_back_in_time_is_only_a_delay(database: str) -> None:
    refusals = [1, 2, 3]
    connect = writers_way(database)

    async def connecting() -> Any:
        if refusals:
            refusals.pop()
            raise ConnectionRefusedError
        return await connect()

    async with open_log(database, connecting) as log:
        assert await log.append(decision(instance(1), 0), context()) == 1


async def test_a_server_that_hangs_is_unavailable_in_time(database: str) -> None:
    async with open_log(database, patience=0.5) as log:
        await log.append(decision(instance(1), 0), context())
        backend = await backend_of_writer(database)
        assert backend is not None
        os.kill(backend, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                await log.append(decision(instance(1), 1), context("hung"))
            assert time.monotonic() - began < 1.5
        finally:
            os.kill(backend, signal.SIGCONT)
        await log.append(decision(instance(2), 0), context())
        facts = await log.read_all(0, 10)
        stored = await log.find_command("hung")
    assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
    assert [fact.correlation_id for fact in facts].count("hung") == (stored is not None)


async def test_a_head_that_somebody_holds_is_unavailable_in_time_and_no_session_waits_for_it_on(database: str) -> None:
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with open_log(database, patience=0.4) as log, connected(database) as connection:
        async with connection.transaction():
            await connection.execute("select from log.head for update")
            for number in range(1, 4):
                with pytest.raises(Unavailable):
                    await log.append(decision(instance(number), 0), context())
            await asyncio.sleep(0.5)
            assert await connection.fetchval(waiting) == 0
        assert await log.append(decision(instance(4), 0), context()) == 1
