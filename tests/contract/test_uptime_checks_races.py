"""Many probers of one check at the same time, on two nodes: nothing is lost, and there is one incident."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.contract.checking import CHECKS, FINE, THREE, Checks, result
from tests.contract.working import engine_client

AT_ONCE = 64
REGIONS = ("eu", "us", "ap", "sa")


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Sequence[Checks]]:
    async with AsyncExitStack() as stack:
        yield [Checks(await stack.enter_async_context(engine_client(database, port=0))) for _ in range(2)]


async def report(nodes: Sequence[Checks], check: str, words: Sequence[str]) -> list[Any]:
    """Report results one by one and all at once, over all nodes in turn; return what each came to."""

    async def one(number: int, word: str) -> Any:
        return (await nodes[number % len(nodes)].done("POST", f"/{check}/results", result(word)))["data"]

    return await asyncio.gather(*(one(number, word) for number, word in enumerate(words)))


def everywhere(what: str) -> list[str]:
    return [f"{REGIONS[number % len(REGIONS)]}:{what}" for number in range(AT_ONCE)]


async def test_64_failures_at_once_are_one_incident_that_counts_them_all(nodes: Sequence[Checks]) -> None:
    check = (await nodes[0].created())["id"]
    answers = await report(nodes, check, everywhere("timeout"))
    (incident,) = await nodes[0].incidents(check)
    assert (incident["failure_count"], set(incident["affected_regions"])) == (AT_ONCE, set(REGIONS))
    down = {"check_status": "down", "incident_id": incident["id"]}
    assert answers.count(down) == AT_ONCE - 2
    assert answers.count({"check_status": "up", "incident_id": None}) == 2


async def test_64_successes_at_once_resolve_the_incident_once(nodes: Sequence[Checks]) -> None:
    check = (await nodes[0].created())["id"]
    _, incident = await nodes[0].hears(check, THREE)
    answers = await report(nodes, check, everywhere("ok"))
    assert sum(answer["check_status"] == "down" for answer in answers) == 2
    path = f"/v1/incidents/{incident}/history"
    facts = (await nodes[1].client.ok("GET", path))["history"]
    assert [fact["type"] for fact in facts].count("incident.resolved") == 1


async def test_failures_and_what_people_do_at_the_same_time_leave_one_unresolved_incident_at_most(
    nodes: Sequence[Checks],
) -> None:
    check = (await nodes[0].created())["id"]

    async def reopen(number: int) -> int:
        body = {"check_id": check, "severity": "critical", "type": "timeout", "error_message": "no answer"}
        answer = await nodes[number % 2].client.call("POST", "/api/incidents", body)
        assert answer.status_code in {201, 409}, answer.text
        if answer.status_code == 201:
            await nodes[number % 2].moved(answer.json()["data"]["incident"]["id"], "resolved")
        return answer.status_code

    _, *codes = await asyncio.gather(
        report(nodes, check, everywhere("timeout")), *(reopen(number) for number in range(8))
    )
    incidents = await nodes[1].incidents(check)
    assert sum(incident["status"] == "open" for incident in incidents) <= 1
    assert len(incidents) >= codes.count(201)


async def test_failures_and_reopening_at_the_same_time_leave_one_unresolved_incident(nodes: Sequence[Checks]) -> None:
    check = (await nodes[0].created())["id"]
    _, incident = await nodes[0].hears(check, THREE)

    async def reopen(number: int) -> int:
        path = f"/api/alerts/incidents/{incident}"
        return (await nodes[number % 2].client.call("PATCH", path, {"status": "open"})).status_code

    codes = []
    for _ in range(6):
        await report(nodes, check, ["eu:ok", "us:ok"] * 2)
        _, *answered = await asyncio.gather(report(nodes, check, everywhere("timeout")[:8]), *map(reopen, range(4)))
        assert set(answered) <= {200, 400}
        codes += answered
        (unresolved,) = [one["id"] for one in await nodes[1].incidents(check) if one["status"] == "open"]
        assert set(await heard_by_all(nodes, check)) == {("down", unresolved)}
    assert 200 in codes, "else nothing was reopened"


async def heard_by_all(nodes: Sequence[Checks], check: str) -> list[tuple[str, str | None]]:
    return [await node.hears(check, "eu:timeout") for node in nodes]


async def test_a_check_that_is_deleted_under_fire_leaves_no_unresolved_incident(nodes: Sequence[Checks]) -> None:
    check = (await nodes[0].created())["id"]

    async def fire(number: int) -> int:
        answer = await nodes[number % 2].client.call(
            "POST", f"{CHECKS}/{check}/results", [result(word) for word in THREE.split()]
        )
        return answer.status_code

    async def delete() -> int:
        return (await nodes[1].client.call("DELETE", f"{CHECKS}/{check}")).status_code

    codes = await asyncio.gather(*map(fire, range(8)), delete(), *map(fire, range(8)))
    assert set(codes) <= {200, 404}
    assert {incident["status"] for incident in await nodes[0].incidents(check)} <= {"closed"}


async def test_what_one_node_heard_the_other_goes_on_from(nodes: Sequence[Checks]) -> None:
    here, there = nodes
    check = (await here.created())["id"]
    await here.hears(check, "eu:timeout")
    await there.hears(check, "us:timeout")
    status, incident = await here.hears(check, "eu:timeout")
    assert (status, (await there.shown(check))["status"]) == ("down", "down")
    await there.moved(incident, "resolved")
    assert await here.hears(check, "eu:timeout us:timeout") == ("up", None)
    assert await there.hears(check, FINE) == ("up", None)
