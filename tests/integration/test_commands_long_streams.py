"""Long streams and long turns: their cost stays bounded, and what is loaded equals what was decided."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import msgspec
import pytest

from commands.intents import Data, ProcessVariable
from commands.variables import SetProcessVariables
from domain.bpmn.events import ElementEntered, ElementPassed, InstanceState
from domain.bpmn.instance import Instance
from domain.event import Recorded
from tests.integration.commanding import Node, nodes_on
from tests.story import bpmn


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        yield nodes


def setting(value: int, variables: int = 100) -> SetProcessVariables:
    return SetProcessVariables(
        "ada", tuple(ProcessVariable(f"n{number}", Data("text", value=str(value))) for number in range(variables))
    )


class Reads:
    """How many facts each read of a node's log returned."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        read = node.log.read

        async def counted(stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
            facts = await read(stream, after, limit)
            self.sizes.append(len(facts))
            return facts

        monkeypatch.setattr(node.log, "read", counted)


async def long_instance(node: Node, commands: int) -> Instance:
    """Start an instance and change a hundred variables so many times."""
    await node.deploy()
    instance = await node.start()
    for value in range(commands):
        await node.send(setting(value), instance.identity)
    return instance


async def test_a_cold_load_of_a_long_stream_reads_only_what_came_after_a_snapshot(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    instance = await long_instance(here, 14)
    reads = Reads(there, monkeypatch)
    (job,) = await there.lock()
    assert sum(reads.sizes) < 600
    assert (await there.complete(job)).answer.instance.state is InstanceState.COMPLETED
    assert job.instance.identity == instance.identity


async def test_a_state_loaded_from_a_snapshot_equals_the_one_decided_on(nodes: list[Node]) -> None:
    here, there = nodes
    instance = await long_instance(here, 7)
    await there.send(setting(0, variables=0), instance.identity)  # only to have it loaded
    decided, loaded = (node.cache.get(instance.identity.stream) for node in nodes)
    assert decided is not None
    assert decided.version > 700
    assert msgspec.json.encode(loaded) == msgspec.json.encode(decided)


async def test_a_stream_without_a_snapshot_that_can_be_read_is_loaded_bit_by_bit(
    nodes: list[Node], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    instance = await long_instance(here, 30)
    connection = await asyncpg.connect(database)
    await connection.execute("update log.snapshots set shape = 'that of another release'")
    reads = Reads(there, monkeypatch)
    await there.send(setting(100, 1), instance.identity)
    assert max(reads.sizes) <= 1000
    kept = await connection.fetchval("select version from log.snapshots where stream = $1", instance.identity.stream)
    await connection.close()
    assert kept > 2500


async def test_one_command_may_need_more_ids_than_a_block_has(nodes: list[Node]) -> None:
    here, _ = nodes
    tasks = [f"t{number}" for number in range(2500)]
    flows = " ".join(f"{source}>{target}" for source, target in zip(["s", *tasks], [*tasks, "e"], strict=True))
    await here.deploy(bpmn(" ".join(["s:startEvent", *(f"{task}:task" for task in tasks), "e:endEvent"]), flows))
    instance = await here.start()
    assert instance.state is InstanceState.COMPLETED
    assert instance.last_element_instance_id >= 2500


async def test_element_instance_ids_rise_though_nodes_take_turns(nodes: list[Node]) -> None:
    model = bpmn(
        "s:startEvent a:serviceTask b:serviceTask c:serviceTask d:serviceTask e:endEvent", "s>a a>b b>c c>d d>e"
    )
    await nodes[0].deploy(model)
    await nodes[1].start()
    for turn in range(4):
        (job,) = await nodes[turn % 2].lock()
        await nodes[turn % 2].complete(job)
    facts = await nodes[0].facts(job.instance.identity.stream)
    ids = [fact.id for fact in facts if isinstance(fact, ElementEntered | ElementPassed)]
    assert ids == sorted(set(ids))
