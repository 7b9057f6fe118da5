"""Locking many jobs at once: each instance for itself, so that one that fails costs the others nothing."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from commands.handling import Asker
from commands.job_locks import LockJobs, expire_locks, lock_jobs
from commands.tasks import ExecuteTasks, execute_tasks
from domain.bpmn.instance import Instance
from domain.event import Actor
from infra.codec import unknown_topic
from infra.event_log.log import UnreadablePosition
from tests.integration.commanding import Node, asking, nodes_on
from tests.story import bpmn

ENGINE = Asker("", Actor("system", "engine"))
JOINING = bpmn(
    "s:startEvent f:parallelGateway a:task b:task j:parallelGateway e:endEvent", "s>f f>a f>b a>j b>j j>e", "joining"
)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        await nodes[0].deploy()
        yield nodes


async def make_unreadable(database: str, instance: Instance) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(
        "update log.events set topic = 'of.the.future.v9' where originator_id = $1 and originator_version = 2",
        instance.identity.stream,
    )
    await connection.close()


async def test_an_instance_that_cannot_be_read_does_not_keep_others_from_being_locked(
    nodes: list[Node], database: str
) -> None:
    here, there = nodes
    broken, *sound = [await here.start() for _ in range(4)]
    await make_unreadable(database, broken)
    locked = await there.lock()
    assert {job.instance.id for job in locked} == {instance.id for instance in sound}
    assert await there.lock() == []  # it is left alone for a while


async def test_jobs_that_cannot_be_locked_do_not_hold_up_those_behind_them(nodes: list[Node], database: str) -> None:
    here, there = nodes
    broken, sound = [await here.start() for _ in range(2)]
    await make_unreadable(database, broken)
    with pytest.raises(UnreadablePosition):
        await there.lock(limit=1)
    assert [job.instance.id for job in await there.lock(limit=1)] == [sound.id]


async def test_tasks_that_cannot_be_run_do_not_hold_up_those_behind_them(nodes: list[Node], database: str) -> None:
    here, there = nodes
    await here.deploy(JOINING, process_id="joining")
    broken, sound = [await here.start(process_id="joining") for _ in range(2)]
    await make_unreadable(database, broken)
    executor = partial(execute_tasks, there.commands, ExecuteTasks(limit=2), ENGINE, tenant=None, retry_limit=0)
    first, second = await executor(), await executor()
    assert not first.answers
    assert {work.stream for work, _ in first.failed} == {broken.identity.stream}
    assert not second.failed
    assert {answer.process_instance_id for answer in second.answers} == {sound.id}


async def test_locks_that_cannot_be_ended_are_told_of_and_do_not_hold_up_the_others(
    nodes: list[Node], database: str
) -> None:
    here, there = nodes
    broken, sound = [await here.start() for _ in range(2)]
    await lock_jobs(here.commands, LockJobs(limit=2, worker_id="ada", lock_timeout="PT1S"), asking("ada"))
    await make_unreadable(database, broken)
    there.clock.offset_ms = 2_000
    more, failed = await expire_locks(there.commands, ENGINE, 100)
    assert not more
    assert [unknown.topic for unknown in map(unknown_topic, failed) if unknown] == ["of.the.future.v9"]
    assert [job.instance.id for job in await there.lock()] == [sound.id]


async def test_what_was_locked_beside_an_instance_that_failed_is_given_back(nodes: list[Node], database: str) -> None:
    here, there = nodes
    broken, *_ = [await here.start() for _ in range(4)]
    await here.lock()
    await make_unreadable(database, broken)
    assert len(await there.unlock()) == 3


async def test_two_nodes_never_lock_one_job_twice(nodes: list[Node]) -> None:
    for _ in range(40):
        await nodes[0].start()
    fleets = [nodes[number % 2].lock(limit=5, worker=f"worker-{number}") for number in range(16)]
    locked = [(job.instance.id, job.job.id) for jobs in await asyncio.gather(*fleets) for job in jobs]
    assert len(set(locked)) == len(locked)
    rest = [(job.instance.id, job.job.id) for job in await nodes[0].lock(limit=100, worker="rest")]
    assert len({*locked, *rest}) == 40


async def test_jobs_of_a_request_that_was_given_up_can_be_locked_by_the_next(nodes: list[Node]) -> None:
    here, _ = nodes
    for _ in range(5):
        await here.start()
    given_up = asyncio.create_task(here.lock(worker="gone"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await here.unlock("gone")
    assert len(await here.lock()) == 5
