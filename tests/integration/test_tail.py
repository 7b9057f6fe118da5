"""The tail of what a process appended: the very facts that the log has, or none."""

import asyncio

from domain.bpmn.events import ElementPassed, JobCreated
from infra.event_log.tail import Tail
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
        await here.append(decision(instance(1), 0, passed(), passed()), context())
        await there.append(decision(instance(2), 0, passed()), context())
        assert here.tail.covers(0, 2)
        assert not here.tail.covers(0, 3)
        await here.append(decision(instance(3), 0, passed()), context())
        assert not here.tail.covers(0, 4)
        assert here.tail.covers(3, 4)
        assert not there.tail.covers(2, 4)


async def test_the_tail_is_bounded(database: str) -> None:
    async with open_log(database) as log:
        log.tail = log._writer.tail = Tail(kept=20)
        for number in range(1, 40):
            await log.append(decision(instance(number), 0, passed(), passed()), context())
        assert log.tail.covers(60, 78)
        assert not log.tail.covers(0, 78)
        assert [fact.position for fact in log.tail.facts(70, 78, {ElementPassed})] == list(range(71, 79))
