"""The tail of what a process appended: the very facts that the log has, or none."""

import asyncio

from domain.bpmn.events import ElementPassed, JobCreated
from infra.event_log.tail import End, Tail
from tests.integration.appending import context, decision, instance, job, open_log, passed


async def test_the_tail_has_the_facts_that_are_read_from_the_log(database: str) -> None:
    async with open_log(database) as log:
        commands = [log.append(decision(instance(n), 0, passed(), job(n), passed()), context()) for n in range(1, 60)]
        late = log.append(decision(instance(1), 7, passed()), context())
        await asyncio.gather(*commands, late, return_exceptions=True)
        stored = await log.read_all(0, 1_000)
        assert list(log.tail.facts(0, len(stored), None)) == list(stored)
        assert list(log.tail.facts(30, 70, None)) == list(stored[30:70])
        jobs = [fact for fact in stored if isinstance(fact.event, JobCreated)]
        assert list(log.tail.facts(0, len(stored), {JobCreated})) == jobs


async def test_what_another_process_has_appended_ends_what_the_tail_covers(database: str) -> None:
    async with open_log(database) as here, open_log(database) as there:
        await here.append(decision(instance(1), 0, passed(), passed()), context("a"))
        await there.append(decision(instance(2), 0, passed()), context("b"))
        assert here.tail.covers(0, End(2, "a"))
        assert not here.tail.covers(0, End(3, "b"))
        await here.append(decision(instance(3), 0, passed()), context("c"))
        assert not here.tail.covers(0, End(4, "c"))
        assert here.tail.covers(3, End(4, "c"))
        assert not there.tail.covers(2, End(4, "c"))


async def test_the_tail_covers_nothing_that_the_log_has_lost(database: str) -> None:
    async with open_log(database) as log:
        for number, command in enumerate("abc", 1):
            await log.append(decision(instance(number), 0, passed(), passed()), context(command))
        assert log.tail.covers(0, End(6, "c"))
        assert log.tail.covers(0, End(4, "b"))
        assert not log.tail.covers(0, End(6, "another, after a failover"))
        assert not log.tail.covers(0, End(4, "another, after a failover"))
        assert not log.tail.covers(6, End(5, "c"))


async def test_the_tail_is_bounded(database: str) -> None:
    async with open_log(database) as log:
        log.tail = log._writer.tail = Tail(kept=20)
        for number in range(1, 40):
            await log.append(decision(instance(number), 0, passed(), passed()), context(f"c{number}"))
        assert log.tail.covers(60, End(78, "c39"))
        assert not log.tail.covers(0, End(78, "c39"))
        assert [fact.position for fact in log.tail.facts(70, 78, {ElementPassed})] == list(range(71, 79))
