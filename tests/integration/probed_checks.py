"""Checks that are probed, made through commands: what fills their list."""

from api.composition import Node
from bench.filling import ASKER
from commands.check_results import ReportResults
from commands.checks import ChangeCheck, CreateCheck, DeleteCheck
from commands.intents import Intent
from tests.monitoring import SHOP, told

DOWN, SLOW = "eu:timeout us:timeout eu:timeout", "eu:slow_response us:slow_response eu:slow_response"


async def probe_checks(node: Node) -> None:
    """Have checks go down and up and slow, paused, changed and deleted."""
    checks = [await _send(node, CreateCheck(SHOP)) for _ in range(4)]
    for check, results in zip(checks, (DOWN, SLOW, f"{DOWN} eu:ok us:ok eu:ok", DOWN), strict=True):
        await _send(node, ReportResults(tuple(told(results))), check)
    await _send(node, ChangeCheck({"keyword": "basket"}), checks[0])
    await _send(node, ChangeCheck({}, paused=True), checks[1])
    await _send(node, DeleteCheck(), checks[3])


async def _send(node: Node, command: Intent, check: str | None = None) -> str:
    answer: str = (await node.commands.send(command, ASKER, check)).answer
    return answer
