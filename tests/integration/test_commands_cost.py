"""What a command asks of the database beside its append: nothing, as a rule (design 7)."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.intents import Data, ProcessVariable
from commands.variables import SetProcessVariables
from tests.integration.commanding import Node, nodes_on
from tests.story import bpmn


class Statements:
    """The statements that a node sends through its pool."""

    def __init__(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        for way in ("execute", "fetch", "fetchrow", "fetchval"):
            monkeypatch.setattr(node.pool, way, self._noted(getattr(node.pool, way)))

    def _noted(self, send: Any) -> Any:
        async def noted(query: str, *args: Any) -> Any:
            self.sent.append(query)
            return await send(query, *args)

        return noted


def looking_up(statements: Sequence[str]) -> list[str]:
    """Leave out the reserving of ids, of which one in hundreds of commands is in need."""
    return [statement for statement in statements if "id_blocks" not in statement]


async def test_a_command_whose_states_are_in_memory_reads_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes_on(database) as (node,):
        await node.deploy()
        statements = Statements(node, monkeypatch)
        instance = await node.start()
        variable = ProcessVariable("n", Data("text", value="1"))
        await node.send(SetProcessVariables("ada", (variable,)), instance.identity)
        assert looking_up(statements.sent) == []
        (job,) = await node.lock()
        assert len(looking_up(statements.sent)) == 1  # which jobs are due
        await node.complete(job)
        assert len(looking_up(statements.sent)) == 1


async def test_an_answer_that_is_kept_does_not_grow_with_the_instance(database: str) -> None:
    branches = [f"t{number}" for number in range(100)]
    fork = bpmn(
        "s:startEvent f:parallelGateway " + " ".join(f"{branch}:serviceTask" for branch in branches),
        "s>f " + " ".join(f"f>{branch}" for branch in branches),
    )
    async with nodes_on(database) as (node,):
        await node.deploy(fork)
        await node.start(idempotency_key="one")
        (job,) = await node.lock(limit=1)
        await node.complete(job, idempotency_key="two")
        sizes = await node.pool.fetch("select length(answer) as size from log.commands where answer is not null")
    assert len(sizes) == 2
    assert max(row["size"] for row in sizes) < 1000
