"""Two nodes on one log: what one of them appended, the other must not decide without."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from commands.access import ON_THE_MACHINE, ChangeTenant, IssueKey, KeyToIssue, MintedKey, RegisterTenant
from commands.engine_time import SetTime
from commands.incident_merging import MergeIncident
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from commands.intents import Data, EntityId, ProcessVariable
from commands.jobs import CompleteJob, JobAnswer, JobCompletion
from commands.messages import SendMessage
from commands.tasks import ExecuteTasks, execute_tasks
from domain.bpmn.events import VariableSet
from domain.event import Recorded
from domain.identity import channel_stream
from domain.messaging.events import MessageClosed, MessageUnsubscribed
from domain.rejection import InvalidState, NotFound
from tests.integration.commanding import ONE_TASK, TWO_TASKS, Node, asking, nodes_on
from tests.story import bpmn

RECEIVING = bpmn("s:startEvent r:receiveTask~m w:serviceTask", "s>r r>w")
INTERRUPTED = bpmn("s:startEvent w:serviceTask b:messageBoundary^w~m", "s>w")
CHANNEL = channel_stream("default", "m", "k")


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        yield nodes


async def test_a_node_that_knew_a_process_before_completes_jobs_of_a_version_deployed_elsewhere(
    nodes: list[Node],
) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()
    await there.deploy(TWO_TASKS, "2")
    await there.start("2")
    first, second = await here.lock()
    await here.complete(first)
    await here.complete(second)
    (third,) = await here.lock()
    assert third.job.element == "more"


async def test_a_version_deployed_elsewhere_is_started_at_once(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()
    await there.deploy(version="2")
    assert (await here.start("2")).version == "2"


async def test_a_job_is_given_back_on_a_node_that_saw_it_last_with_another_worker(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()
    await here.lock(worker="bob")
    await there.unlock("bob")
    await there.lock(worker="ada")
    (given_back,) = await here.unlock("ada")
    assert not given_back.job.locked_by


async def test_a_plan_is_changed_back_on_a_node_that_missed_the_change(nodes: list[Node]) -> None:
    here, there = nodes
    await here.send(RegisterTenant("acme", "Acme", "pro"), tenant="acme")
    minted = KeyToIssue(ON_THE_MACHINE, MintedKey("1" * 26, "key", "hash"))
    await here.send(IssueKey("acme", "worker", "robot"), minted, tenant="acme")  # it has looked at the tenant
    await there.send(ChangeTenant("enterprise"), "acme", tenant="acme")
    await here.send(ChangeTenant("pro"), "acme", tenant="acme")
    assert [fact.plan for fact in await here.facts("tenant-acme")] == ["pro", "enterprise", "pro"]


async def test_a_worker_that_lost_its_job_elsewhere_is_told_so(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()
    (job,) = await here.lock()
    await there.unlock()
    (taken,) = await there.lock(worker="bob")
    with pytest.raises(InvalidState, match="is not locked by worker ada, but bob"):
        await here.complete(job)
    await there.complete(taken, "bob")
    with pytest.raises(InvalidState, match="is completed"):
        await here.complete(job)


@pytest.mark.parametrize("status", ["resolved", "closed"])
async def test_a_job_that_failed_elsewhere_is_tried_again_with_its_incident_moved_here(
    nodes: list[Node], status: str
) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()  # it knows the instance from before the failure
    (job,) = await there.lock()
    await there.complete(job, error="on purpose")
    incident = await here.pool.fetchval("select incident from log.open_incidents")
    await here.send(MoveIncident("alerts", status), incident)
    (again,) = await there.lock()
    assert again.job.element_instance_id == job.job.element_instance_id
    assert await here.pool.fetchval("select count(*) from log.open_incidents") == 0


async def test_a_job_that_failed_elsewhere_is_tried_again_with_its_incident_merged_here(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy()
    await here.start()
    (job,) = await there.lock()
    await there.complete(job, error="on purpose")
    incident = await here.pool.fetchval("select incident from log.open_incidents")
    known = (await there.send(OpenIncident("The bank is down", "as it says", 3))).answer
    await here.send(MergeIncident(known), incident)
    assert len(await there.lock()) == 1


async def test_time_that_was_set_elsewhere_a_moment_ago_is_not_set_again_on_top(nodes: list[Node]) -> None:
    here, there = nodes
    tomorrow, day_after = (here.clock.now() + timedelta(days=days) for days in (1, 2))
    await there.send(SetTime(time=tomorrow))
    outcome = await here.send(SetTime(time=day_after))  # this node's clock has not heard of the first
    await here.time.catch_up()
    assert abs(here.clock.now() - day_after) < timedelta(seconds=5)
    assert abs(outcome.answer.old - tomorrow) < timedelta(seconds=5)


async def test_time_is_not_set_to_before_what_another_node_set(nodes: list[Node]) -> None:
    here, there = nodes
    await there.send(SetTime(time=here.clock.now() + timedelta(days=2)))
    with pytest.raises(InvalidState, match="is before engine time"):
        await here.send(SetTime(time=here.clock.now() + timedelta(days=1)))


async def test_tenants_and_processes_whose_names_run_into_each_other_are_apart(nodes: list[Node]) -> None:
    here, _ = nodes
    await here.deploy(ONE_TASK.replace('id="p"', 'id="eu-order"'), process_id="eu-order", tenant="acme")
    with pytest.raises(NotFound):
        await here.start(process_id="order", tenant="acme-eu")
    other = TWO_TASKS.replace('id="p"', 'id="order"')
    await here.deploy(other, process_id="order", tenant="acme-eu")
    await here.start(process_id="order", tenant="acme-eu")


async def test_all_who_miss_a_process_at_once_have_it_loaded_once(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    await here.deploy()
    read, streams = there.log.read, []

    async def recorded(stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        streams.append(stream)
        return await read(stream, after, limit)

    monkeypatch.setattr(there.log, "read", recorded)
    started = await asyncio.gather(*(there.start() for _ in range(16)))
    assert len({instance.id for instance in started}) == 16
    assert len(streams) == 1


async def test_a_clock_that_is_caught_up_twice_at_once_does_not_go_back(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    tomorrow, day_after = (here.clock.now() + timedelta(days=days) for days in (1, 2))
    await there.send(SetTime(time=tomorrow))
    late = await here.log.read("engine")
    with monkeypatch.context() as delayed:
        slow = asyncio.Event()

        async def read(stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
            await slow.wait()
            return late

        delayed.setattr(here.log, "read", read)
        slower = asyncio.create_task(here.time.catch_up())
        await asyncio.sleep(0)
    await there.time.catch_up()
    await there.send(SetTime(time=day_after))
    await here.time.catch_up()
    slow.set()
    await slower
    assert here.clock.now() >= day_after


async def test_an_answer_that_changed_nothing_says_what_it_reflects(nodes: list[Node]) -> None:
    here, _ = nodes
    deployed = await here.deploy()
    assert (await here.deploy()).position == deployed.position


async def waits_for_its_message(node: Node) -> JobAnswer:
    """Start an instance that waits for message ``m`` with key ``k``; return the job that asked for the key."""
    await node.start()
    (job,) = await node.lock()
    completion = JobCompletion(message_correlation_key="k")
    where = EntityId(job.instance.partition, job.job.id)
    await node.send(CompleteJob(worker_id="ada", completion=completion), where)
    return job


async def test_a_message_that_was_sent_elsewhere_comes_with_its_variables_and_is_closed(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy(RECEIVING)
    job = await waits_for_its_message(here)  # this node knows the channel as it is without the message
    variable = ProcessVariable("v", Data("text", value="1"))
    await there.send(SendMessage(name="m", correlation_key="k", worker_id="bob", variables=(variable,)))
    await execute_tasks(here.commands, ExecuteTasks(limit=10), asking(), tenant=None, retry_limit=0)
    assert [fact.value for fact in await here.facts(job.instance.identity.stream) if type(fact) is VariableSet] == ["1"]
    assert type((await here.facts(CHANNEL))[-1]) is MessageClosed


async def test_a_subscription_that_was_made_elsewhere_is_given_up(nodes: list[Node]) -> None:
    here, there = nodes
    await here.deploy(INTERRUPTED)
    for node in (here, there):  # the first time, this node comes to know the channel
        await waits_for_its_message(node)
        (job,) = await there.lock()
        await here.complete(job)
    assert [type(fact) for fact in await here.facts(CHANNEL)].count(MessageUnsubscribed) == 2
    outcome = await here.send(SendMessage(name="m", correlation_key="k", worker_id="bob"))
    assert not outcome.answer.correlated
