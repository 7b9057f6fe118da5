"""Many who move one incident at the same time, on two nodes: each step has one winner, the others are told so."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest

from tests.contract.working import Client, engine_client, place

AT_ONCE = 64


class Move(NamedTuple):
    """A move as an API takes it, and the status of its conflict."""

    method: str
    path: str
    body: Any
    conflict: int


def feed(incident: str, word: str) -> Move:
    return Move("PATCH", f"/v1/incidents/{incident}", {"status": word}, 409)


def uptime(incident: str, word: str) -> Move:
    return Move("PUT", f"/api/incidents/{incident}/status", {"status": word}, 409)


def alerts(incident: str, word: str) -> Move:
    return Move("PATCH", f"/api/alerts/incidents/{incident}", {"status": word}, 400)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Sequence[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(engine_client(database, port=0)) for _ in range(2)]


async def race(nodes: Sequence[Client], moves: Sequence[Move]) -> Counter[int]:
    """Send moves in turn over and over, all at once over all nodes; return how often each status was answered."""

    async def one(number: int) -> int:
        move = moves[number % len(moves)]
        answer = await nodes[number % len(nodes)].call(move.method, move.path, move.body)
        assert answer.is_success or answer.status_code == move.conflict, (move, answer.status_code, answer.text)
        return answer.status_code

    return Counter(await asyncio.gather(*map(one, range(AT_ONCE))))


async def history(node: Client, incident: str) -> list[Any]:
    facts: list[Any] = (await node.ok("GET", f"/v1/incidents/{incident}/history"))["history"]
    return facts


async def test_of_64_moves_at_once_one_wins_each_step(nodes: Sequence[Client]) -> None:
    opened = {"title": "Checkout is slow", "description": "it has been since noon"}
    incident = (await nodes[0].ok("POST", "/v1/incidents", opened))["incidentId"]
    for moves in (
        (feed(incident, "triaging"),),
        (feed(incident, "investigating"), alerts(incident, "investigating")),
        (feed(incident, "resolved"), uptime(incident, "resolved"), alerts(incident, "resolved")),
        (alerts(incident, "open"),),
        (uptime(incident, "acknowledged"),),
        (feed(incident, "closed"), uptime(incident, "closed"), alerts(incident, "closed")),
    ):
        answered = await race(nodes, moves)
        assert answered[200] == 1, (moves, answered)
        assert sum(answered.values()) == AT_ONCE
    facts = await history(nodes[1], incident)
    assert [fact["version"] for fact in facts] == list(range(1, len(facts) + 1))
    assert [fact["type"] for fact in facts if fact["type"] != "incident.assigned"] == [
        "incident.opened",
        "incident.status_changed",
        "incident.status_changed",
        "incident.resolved",
        "incident.reopened",
        "incident.acknowledged",
        "incident.closed",
    ]


async def test_of_64_who_resolve_an_incident_of_a_process_through_four_apis_one_has_the_job_tried_again(
    nodes: Sequence[Client],
) -> None:
    node = nodes[0]
    await node.deploy()
    await node.start()
    (job,) = await node.lock()
    await node.complete(job, error="card declined")
    (row,) = await node.rows("incidents")
    incident = (await node.ok("GET", "/v1/incidents"))["incidents"][0]["incidentId"]
    engine = Move("PATCH", f"{place('incidents', row)}/resolve", {"workerId": "on-call"}, 409)
    moves = (feed(incident, "resolved"), uptime(incident, "resolved"), alerts(incident, "resolved"), engine)
    answered = await race(nodes, moves)
    assert answered[200] + answered[204] == 1, answered
    assert [fact["type"] for fact in await history(node, incident)] == ["incident.opened", "incident.resolved"]
    jobs = await node.rows("jobs")
    assert sorted(job["state"] for job in jobs) == ["CAUSED_INCIDENT", "DUE"]
    (again,) = await node.lock()
    await node.complete(again)
    (instance,) = await node.rows("process-instances")
    assert instance["state"] == "COMPLETED"
