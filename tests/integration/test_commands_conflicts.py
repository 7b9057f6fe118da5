"""Commands that lose a race decide again with what is true then; those that cannot know say so."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from commands.context import Conflict, Context, Decision
from commands.handling import ATTEMPTS
from commands.instances import ResumeProcessInstance, SuspendProcessInstance
from commands.intents import Data, ProcessVariable
from commands.variables import SetProcessVariables
from domain.rejection import InvalidState, Unavailable
from tests.integration.commanding import Node, nodes_on
from tests.story import bpmn

SETTING = SetProcessVariables("ada", (ProcessVariable("n", Data("text", value="1")),))
FORK = bpmn(
    "s:startEvent f:parallelGateway " + " ".join(f"t{number}:serviceTask" for number in range(40)),
    "s>f " + " ".join(f"f>t{number}" for number in range(40)),
)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        await nodes[0].deploy()
        yield nodes


class Overtaken:
    """Lets another node act between a node's decision and its append, once."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decided = asyncio.Event()
        self.overtaken = asyncio.Event()
        self.appends = 0
        append = node.log.append

        async def late(decision: Decision, context: Context) -> int:
            self.appends += 1
            self.decided.set()
            await self.overtaken.wait()
            return await append(decision, context)

        monkeypatch.setattr(node.log, "append", late)


async def test_a_command_that_was_overtaken_is_decided_again(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    instance = await here.start()
    overtaken = Overtaken(here, monkeypatch)
    setting = asyncio.create_task(here.send(SETTING, instance.identity))
    await overtaken.decided.wait()
    await there.send(SuspendProcessInstance("bob"), instance.identity)
    overtaken.overtaken.set()
    outcome = await setting
    assert overtaken.appends == 2
    facts = await here.log.read(instance.identity.stream)
    assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
    assert facts[-1].position == outcome.position
    await here.send(ResumeProcessInstance("ada"), instance.identity)


async def test_a_command_that_was_overtaken_is_refused_by_what_is_true_then(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    await here.start()
    (job,) = await here.lock()
    overtaken = Overtaken(here, monkeypatch)
    completing = asyncio.create_task(here.complete(job))
    await overtaken.decided.wait()
    await there.unlock()
    overtaken.overtaken.set()
    with pytest.raises(InvalidState, match="is not locked"):
        await completing


async def test_nodes_that_work_on_one_instance_at_once_lose_and_double_nothing(nodes: list[Node]) -> None:
    here, _ = nodes
    await here.deploy(FORK, "2")
    instance = await here.start("2")
    jobs = await here.lock(limit=100)
    sent = [nodes[number % 2].complete(job) for number, job in enumerate([*jobs, *jobs])]
    outcomes = await asyncio.gather(*sent, return_exceptions=True)
    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Outcome": 40, "InvalidState": 40}
    facts = await here.facts(instance.identity.stream)
    done = [fact.id for fact in facts if fact.topic == "job.completed.v1"]
    assert sorted(done) == sorted(job.job.id for job in jobs)
    assert facts[-1].topic == "process_instance.completed.v1"


async def test_a_command_that_keeps_losing_is_unavailable_after_so_many_attempts(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = nodes
    instance = await here.start()
    await here.send(SETTING, instance.identity)
    decisions: list[Decision] = []

    async def lost(decision: Decision, context: Context) -> int:
        decisions.append(decision)
        raise Conflict

    with monkeypatch.context() as losing:
        losing.setattr(here.log, "append", lost)
        with pytest.raises(Unavailable):
            await here.send(SETTING, instance.identity)
    assert len(decisions) == ATTEMPTS
    await here.send(SETTING, instance.identity)


async def test_after_an_unknown_outcome_the_same_key_tells_it(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = nodes
    await here.start()
    (job,) = await here.lock()
    append = here.log.append

    async def silent(decision: Decision, context: Context) -> int:
        await append(decision, context)
        raise Unavailable("failed to append", "whether it took effect is not known")

    with monkeypatch.context() as broken:
        broken.setattr(here.log, "append", silent)
        with pytest.raises(Unavailable):
            await here.complete(job, idempotency_key="k")
    assert (await here.complete(job, idempotency_key="k")).answer.state == "DONE"
    with pytest.raises(InvalidState, match="is completed"):
        await here.complete(job)
