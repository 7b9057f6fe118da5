"""Appending: what is stored together, what fails alone, and what an answer means."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from commands.context import AlreadyDone, Conflict, Decision
from domain.event import Append
from infra.event_log.log import EventLog
from tests.integration.appending import (
    NOW,
    WORKER,
    connected,
    context,
    decision,
    instance,
    job,
    open_log,
    passed,
)


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


async def test_a_fact_is_read_back_with_its_envelope(log: EventLog) -> None:
    asked = context("command-a", causation_id="request-1", tenant="acme")
    assert await log.append(decision(instance(1), 0, passed(7), passed(8)), asked) == 2
    first, second = await log.read(instance(1))
    assert (first.event, second.event) == (passed(7), passed(8))
    assert (first.position, second.position, first.version, second.version) == (1, 2, 1, 2)
    assert (first.tenant, first.actor, first.happened_at) == ("acme", WORKER, NOW)
    assert (first.correlation_id, first.causation_id) == ("command-a", "request-1")


async def test_a_stream_is_read_from_a_version_on(log: EventLog) -> None:
    await log.append(decision(instance(1), 0, passed(1), passed(2), passed(3)), context())
    assert [fact.version for fact in await log.read(instance(1), after=1)] == [2, 3]
    assert await log.read(instance(2)) == []


async def test_a_conflict_fails_one_command_and_none_of_its_neighbours(log: EventLog) -> None:
    await log.append(decision(instance(1), 0), context())
    outcomes = await asyncio.gather(
        log.append(decision(instance(2), 0, passed(), passed()), context()),
        log.append(decision(instance(1), 0), context()),
        log.append(decision(instance(3), 0), context()),
        return_exceptions=True,
    )
    assert outcomes[0] == 3
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[2] == 4
    assert [fact.position for fact in await log.read_all(0, 10)] == [1, 2, 3, 4]
