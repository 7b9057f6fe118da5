"""What a command asks of the database beside its append: nothing, as a rule (design 7)."""

from collections.abc import Sequence
from typing import Any

import pytest

from commands.intents import Data, ProcessVariable
from commands.variables import SetProcessVariables
from tests.integration.commanding import Node, nodes_on


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
