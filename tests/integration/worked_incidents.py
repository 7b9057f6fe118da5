"""Incidents that people work on, made and moved through commands: what fills their lists, timelines and figures."""

from datetime import timedelta
from typing import Any

from api.composition import Node
from bench.filling import ASKER
from commands.incident_changes import AddNote, ChangeIncident
from commands.incident_merging import MergeIncident
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from commands.intents import Intent


async def work_on_incidents(node: Node) -> None:
    """Open incidents by hand, and take these and some of processes through all that may happen to them."""
    now = await node.pools.commands.fetchval("select date_trunc('milliseconds', now())")
    earlier = now - timedelta(hours=2)
    burnt = await _send(node, OpenIncident("Fire", "it burns", 3, affected_regions=("eu",), started_at=earlier))
    smoky = await _send(node, OpenIncident("Smoke", "it smells", 1, type="timeout", failure_count=3))
    await _send(node, MoveIncident("alerts", "acknowledged", "on it", "mara"), burnt)
    await _send(node, MoveIncident("alerts", "investigating"), burnt)
    await _send(node, ChangeIncident("uptime", "critical", "it blazes", ("eu", "us")), burnt)
    await _send(node, AddNote("alerts", "called the brigade"), burnt)
    await _send(node, MoveIncident("alerts", "resolved"), burnt)
    await _send(node, MoveIncident("alerts", "open", "it flares up"), burnt)
    await _send(node, MergeIncident(burnt), smoky)
    rows = await node.pools.commands.fetch("select incident from log.open_incidents order by incident limit 3")
    first, second, third = [row["incident"] for row in rows]
    await _send(node, MoveIncident("feed", "triaging"), first)
    await _send(node, MoveIncident("feed", "resolved"), first)
    await _send(node, MoveIncident("feed", "closed"), first)
    await _send(node, MoveIncident("alerts", "closed"), second)
    await _send(node, ChangeIncident("feed", "critical"), third)
    await _send(node, MoveIncident("uptime", "acknowledged"), third)


async def _send(node: Node, command: Intent, target: str | None = None) -> Any:
    return (await node.commands.send(command, ASKER, target)).answer
