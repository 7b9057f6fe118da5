"""Commands that are sent again, or given up, under an idempotency key: one effect, and the first one's outcome."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from commands.context import Context, Decision
from commands.instances import StartProcessInstance
from commands.intents import Data, ProcessVariable
from commands.variables import SetProcessVariables
from domain.rejection import InvalidInput, InvalidState
from tests.integration.commanding import Node, nodes_on

KEYED = {"idempotency_key": "k", "fingerprint": "f"}
DELETION = SetProcessVariables("ada", (ProcessVariable("n"),))
SETTING = SetProcessVariables("ada", (ProcessVariable("n", Data("text", value="1")),))


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        yield nodes


@pytest.fixture
async def node(nodes: list[Node]) -> Node:
    await nodes[0].deploy()
    return nodes[0]


class Gate:
    """Stands before a node's appends, or behind them: what comes through waits until it is opened."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch, *, behind: bool = False) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        append = node.log.append

        async def gated(decision: Decision, context: Context) -> int:
            if behind:
                position = await append(decision, context)
            self.reached.set()
            await self.opened.wait()
            return position if behind else await append(decision, context)

        monkeypatch.setattr(node.log, "append", gated)


async def events(node: Node) -> int:
    return await node.log.head()


async def test_a_repeated_command_takes_effect_once_and_gets_the_first_answer(node: Node) -> None:
    await node.start()
    (job,) = await node.lock()
    first = await node.complete(job, **KEYED)
    head = await events(node)
    again = await node.complete(job, **KEYED)
    assert (again.answer, again.position) == (first.answer, first.position)
    assert await events(node) == head


async def test_a_repeated_command_gets_the_first_answer_on_another_node(nodes: list[Node], node: Node) -> None:
    await node.start()
    (job,) = await node.lock()
    first = await node.complete(job, **KEYED)
    assert await nodes[1].complete(job, **KEYED) == first


@pytest.mark.parametrize("second", [0, 1], ids=["same node", "other node"])
async def test_a_command_repeated_while_the_first_is_under_way_gets_the_first_answer(
    nodes: list[Node], node: Node, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    await node.start()
    (job,) = await node.lock()
    gate = Gate(node, monkeypatch)
    first = asyncio.create_task(node.complete(job, **KEYED))
    await gate.reached.wait()
    again = asyncio.create_task(nodes[second].complete(job, **KEYED))
    await asyncio.sleep(0.1)
    gate.opened.set()
    assert (await again) == (await first)


async def test_many_posts_of_one_key_at_once_start_one_instance(nodes: list[Node], node: Node) -> None:
    command = StartProcessInstance(bpmn_process_id="p", version="1")
    outcomes = await asyncio.gather(*(nodes[number % 2].send(command, **KEYED) for number in range(32)))
    assert len({outcome.position for outcome in outcomes}) == 1
    assert len({outcome.answer.id for outcome in outcomes}) == 1


async def test_a_key_that_came_with_another_request_is_refused_also_when_the_command_itself_would_be(
    node: Node,
) -> None:
    await node.start()
    (job,) = await node.lock()
    await node.complete(job, **KEYED)
    with pytest.raises(InvalidInput, match="different request"):
        await node.complete(job, idempotency_key="k", fingerprint="another")


async def test_a_key_of_another_tenant_or_of_another_command_is_another_key(node: Node) -> None:
    instance = await node.start(**KEYED)
    await node.deploy(tenant="acme")
    theirs = await node.start(tenant="acme", **KEYED)
    assert theirs.tenant == "acme"
    await node.send(SETTING, instance.identity, **KEYED)


async def test_a_refused_command_may_be_asked_for_again_under_its_key(node: Node) -> None:
    await node.start()
    (job,) = await node.lock()
    await node.unlock()
    with pytest.raises(InvalidState):
        await node.complete(job, **KEYED)
    await node.lock()
    await node.complete(job, **KEYED)


async def test_a_command_that_changed_nothing_changes_nothing_when_it_is_repeated_later(node: Node) -> None:
    instance = await node.start()
    first = await node.send(DELETION, instance.identity, **KEYED)
    head = await events(node)
    await node.send(SETTING, instance.identity)
    again = await node.send(DELETION, instance.identity, **KEYED)
    assert await events(node) == head + 1
    assert again == first


@pytest.mark.parametrize("behind", [False, True], ids=["before it is sent", "after it came through"])
async def test_a_command_given_up_in_the_middle_of_its_append_leaves_nothing_that_misleads_the_next(
    node: Node, monkeypatch: pytest.MonkeyPatch, *, behind: bool
) -> None:
    instance = await node.start()
    (job,) = await node.lock()
    with monkeypatch.context() as gated:
        gate = Gate(node, gated, behind=behind)
        given_up = asyncio.create_task(node.complete(job, error="boom", **KEYED))
        await gate.reached.wait()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
    known: Any = node.cache.get(instance.identity.stream)
    assert known.state.jobs  # the cache has not heard of the failure, whether it came through or not
    outcome = await node.complete(job, error="boom", **KEYED)
    assert outcome.answer.state == "CAUSED_INCIDENT"
    facts = await node.log.read(instance.identity.stream)
    assert [fact.version for fact in facts] == list(range(1, len(facts) + 1))
    assert sum(fact.event.topic == "job.failed.v1" for fact in facts) == 1
    with pytest.raises(InvalidState):
        await node.complete(job)
