"""Appending: what is stored together, what fails alone, and what the answer means."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from commands.context import AlreadyDone, Conflict, Decision, Stored
from domain.event import Actor, Append
from domain.rejection import InvalidInput, InvalidState, Unavailable
from infra.event_log import waiting
from infra.event_log.log import EventLog
from infra.event_log.request import Request, arguments
from tests.integration.appending import NOW, WORKER, connected, context, decision, instance, job, open_log, passed


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


async def positions(log: EventLog) -> list[int]:
    return [fact.position for fact in await log.read_all(0, 100_000)]


async def outcomes_of(*appends: Any) -> list[Any]:
    """Await appends that are asked for in the same moment: they go together if they may."""
    return list(await asyncio.gather(*appends, return_exceptions=True))


async def test_a_fact_is_read_back_with_its_envelope(log: EventLog) -> None:
    asked = context("command-a", causation_id="request-1", tenant="acme")
    assert await log.append(decision(instance(1), 0, passed(7), passed(8)), asked) == 2
    first, second = await log.read(instance(1))
    assert (first.event, second.event) == (passed(7), passed(8))
    assert (first.position, second.position, first.version, second.version) == (1, 2, 1, 2)
    assert (first.tenant, first.actor, first.happened_at) == ("acme", WORKER, NOW)
    assert (first.correlation_id, first.causation_id) == ("command-a", "request-1")


async def test_a_conflict_fails_one_command_and_none_of_its_neighbours(log: EventLog) -> None:
    await log.append(decision(instance(1), 0), context())
    outcomes = await outcomes_of(
        log.append(decision(instance(2), 0, passed(), passed()), context()),
        log.append(decision(instance(1), 0), context()),
        log.append(decision(instance(3), 0), context()),
    )
    assert outcomes[0] == 3
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[2] == 4
    assert await positions(log) == [1, 2, 3, 4]


async def test_a_command_that_expects_too_much_is_a_conflict_too(log: EventLog) -> None:
    with pytest.raises(Conflict):
        await log.append(decision(instance(1), 1), context())


async def test_a_command_on_several_streams_is_stored_in_all_of_them_or_in_none(log: EventLog) -> None:
    await log.append(decision(instance(2), 0), context())
    both = Decision((Append(instance(1), 0, (job(1), passed())), Append(instance(2), 0, (passed(),))))
    with pytest.raises(Conflict):
        await log.append(both, context())
    assert await log.read(instance(1)) == []
    good = Decision((Append(instance(1), 0, (passed(), passed())), Append(instance(2), 1, (passed(),))))
    assert await log.append(good, context()) == 4
    assert [fact.version for fact in await log.read(instance(2))] == [1, 2]


async def test_commands_on_one_stream_wait_for_each_other_and_keep_their_order(log: EventLog) -> None:
    outcomes = await outcomes_of(
        log.append(decision(instance(1), 0), context()),
        log.append(decision(instance(1), 1), context()),
        log.append(decision(instance(2), 0), context()),
        log.append(decision(instance(1), 2), context()),
    )
    assert sorted(outcomes) == [1, 2, 3, 4]
    assert [fact.version for fact in await log.read(instance(1))] == [1, 2, 3]


async def test_a_command_id_takes_effect_once(log: EventLog) -> None:
    asked = context("key-1", fingerprint="one", keep_answer=True, principal="key:ci")
    await log.append(decision(instance(1), 0, passed(), passed(), answer={"id": 7}), asked)
    with pytest.raises(AlreadyDone) as done:
        await log.append(decision(instance(2), 0, answer={"id": 8}), context("key-1", fingerprint="two"))
    assert done.value.stored == Stored("one", 2, b'{"id":7}')
    assert await log.find_command("key-1") == done.value.stored
    assert await positions(log) == [1, 2]


async def test_a_repeated_command_is_known_though_its_streams_have_moved_on(log: EventLog) -> None:
    await log.append(decision(instance(1), 0), context("key-1"))
    await log.append(decision(instance(1), 1), context())
    with pytest.raises(AlreadyDone):
        await log.append(decision(instance(1), 0), context("key-1"))


async def test_one_command_id_asked_for_twice_at_once_takes_effect_once(log: EventLog) -> None:
    outcomes = await outcomes_of(
        *(log.append(decision(instance(n), 0), context("key-1")) for n in range(1, 5)),
    )
    assert [type(outcome) for outcome in outcomes] == [int, AlreadyDone, AlreadyDone, AlreadyDone]
    assert await positions(log) == [1]


async def test_an_answer_is_kept_only_where_it_is_asked_for(log: EventLog) -> None:
    await log.append(decision(instance(1), 0, answer={"id": 7}), context("plain"))
    stored = await log.find_command("plain")
    assert stored == Stored("", 1, None)
    assert await log.find_command("never sent") is None


async def test_an_answer_without_facts_is_kept_at_the_head(log: EventLog) -> None:
    await log.append(decision(instance(1), 0, passed(), passed()), context())
    assert await log.append(Decision((), answer=[]), context("key-1", keep_answer=True)) == 2
    assert await log.find_command("key-1") == Stored("", 2, b"[]")


#: An index entry has at most 2,704 bytes, compressed.
TOO_LONG = random.Random(1).randbytes(3000).hex()

CULPRITS = [
    pytest.param(context(tenant="nul\0"), decision(instance(99), 0), InvalidInput, id="a NUL in a text"),
    pytest.param(context(actor=Actor("worker", "\ud800")), decision(instance(99), 0), InvalidInput, id="half a pair"),
    pytest.param(context(), decision(instance(99), 0, passed(element="\ud800")), InvalidInput, id="half a pair inside"),
    pytest.param(context(), decision(instance(99), 0, job(2**40)), InvalidInput, id="a number too great"),
    pytest.param(context(), decision("process-default-" + TOO_LONG, 0), InvalidInput, id="a name too long"),
    pytest.param(context(), decision(instance(99), 0, job(7)), InvalidState, id="an id that is taken"),
]


@pytest.mark.parametrize(("asked", "decided", "refusal"), CULPRITS)
async def test_a_command_the_database_refuses_fails_alone(
    log: EventLog, asked: Any, decided: Decision, refusal: type[Exception]
) -> None:
    await log.append(decision(instance(100), 0, job(7)), context())
    neighbours = [log.append(decision(instance(n), 0), context()) for n in range(1, 20)]
    outcomes = await outcomes_of(*neighbours[:7], log.append(decided, asked), *neighbours[7:])
    assert isinstance(outcomes.pop(7), refusal)
    assert sorted(outcomes) == list(range(2, 21))
    assert await positions(log) == list(range(1, 21))


async def test_a_nul_inside_a_fact_is_kept(log: EventLog) -> None:
    await log.append(decision(instance(1), 0, passed(element="a\0b")), context())
    assert (await log.read(instance(1)))[0].event == passed(element="a\0b")


async def test_a_caller_who_goes_away_takes_nobody_along(log: EventLog) -> None:
    tasks = [asyncio.create_task(log.append(decision(instance(n), 0), context())) for n in range(1, 40)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    acknowledged = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(acknowledged) == 26
    assert set(acknowledged) <= set(await positions(log))


async def test_the_thousand_items_of_a_request_are_one_append(log: EventLog) -> None:
    facts = [passed(number) for number in range(1, 6)]
    await outcomes_of(*(log.append(decision(instance(n), 0, *facts), context()) for n in range(1, 1001)))
    stored = await log.read_all(0, 10_000)
    assert len(stored) == 5000
    assert len({fact.recorded_at for fact in stored}) == 1


async def test_too_many_commands_are_refused_at_once(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 8)
    outcomes = await outcomes_of(*(log.append(decision(instance(n), 0), context()) for n in range(1, 21)))
    assert [type(outcome) for outcome in outcomes] == [int] * 8 + [Unavailable] * 12
    assert await log.append(decision(instance(99), 0), context()) == 9


async def test_sixty_four_writers_on_four_streams_leave_no_gap_and_no_fork(log: EventLog) -> None:
    rng = random.Random(20261123)
    done: list[int] = []

    async def write() -> None:
        for _ in range(5):
            stream = instance(rng.randint(1, 4))
            while True:
                version = len(await log.read(stream))
                try:
                    done.append(await log.append(decision(stream, version, passed(version + 1)), context()))
                except Conflict:
                    continue
                break

    await asyncio.gather(*(write() for _ in range(64)))
    assert sorted(done) == list(range(1, 321)) == await positions(log)
    for number in range(1, 5):
        facts = await log.read(instance(number))
        assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
        assert [fact.event for fact in facts] == [passed(fact.version) for fact in facts]


async def test_what_waits_when_the_log_is_closed_is_still_stored(database: str) -> None:
    async with open_log(database) as log:
        tasks = [asyncio.create_task(log.append(decision(instance(n), 0), context())) for n in range(1, 11)]
        await asyncio.sleep(0)
    assert sorted(await asyncio.gather(*tasks)) == list(range(1, 11))
    with pytest.raises(Unavailable):
        await log.append(decision(instance(11), 0), context())


async def test_a_node_of_the_release_before_goes_on_appending(database: str, log: EventLog) -> None:
    """An upgrade replaces one node after the other: the older ones call the append without trace contexts."""
    await log.append(decision(instance(1), 0, passed()), context(traceparent="00-1f-2e-01"))
    request = Request(decision(instance(2), 0, passed()), context(traceparent="00-1f-2e-01"), 1, 0.0)
    older = arguments([request], NOW)[:-1]
    numbers = ", ".join(f"${number}" for number in range(1, len(older) + 1))
    async with connected(database) as connection:
        await connection.fetchrow(f"select base, conflicts, stored from log.append({numbers})", *older)
        kept = await connection.fetch("select traceparent from log.events order by notification_id")
    assert [row["traceparent"] for row in kept] == ["00-1f-2e-01", None]
