"""Incidents that stay acknowledged for too long are open again, where their tenant says so."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.contract.administering import OWNER, Callers, callers

INCIDENTS = "/v1/incidents"
DRAFT = {"title": "Checkout is slow", "description": "Orders take a minute to be taken."}
LOOKS = 200


class Desk:
    """Someone who works on a tenant's incidents, and the owner who moves the clock."""

    def __init__(self, node: Callers, key: str) -> None:
        self._node = node
        self._key = key

    async def acknowledged(self) -> str:
        """Return the id of a fresh incident that is acknowledged (in uptime's words)."""
        created = await self._node.ask(self._key, "POST", INCIDENTS, DRAFT)
        incident: str = created.json()["incidentId"]
        await self.moves(incident, "acknowledged")
        return incident

    async def moves(self, incident: str, status: str) -> None:
        answer = await self._node.ask(self._key, "PATCH", f"/api/alerts/incidents/{incident}", {"status": status})
        assert answer.status_code == 200, answer.text

    async def status(self, incident: str) -> str:
        answer = await self._node.ask(self._key, "GET", f"/api/alerts/incidents/{incident}")
        return str(answer.json()["incident"]["status"])

    async def becomes(self, incident: str, status: str) -> None:
        for _ in range(LOOKS):
            if await self.status(incident) == status:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{incident} is {await self.status(incident)} yet")

    async def history(self, incident: str) -> list[Mapping[str, Any]]:
        answer = await self._node.ask(self._key, "GET", f"{INCIDENTS}/{incident}/history")
        rows: list[Mapping[str, Any]] = answer.json()["history"]
        return rows


async def pass_by(node: Callers, duration: str) -> None:
    answer = await node.ask(OWNER, "PATCH", "/time", {"timeDuration": duration})
    assert answer.status_code < 300, answer.text


async def limit(node: Callers, tenant: str, minutes: int | None) -> None:
    body = {"acknowledgementTimeoutMinutes": minutes}
    answer = await node.ask(OWNER, "PATCH", f"/admin/tenants/{tenant}", body)
    assert (answer.status_code, answer.json().get("acknowledgementTimeoutMinutes")) == (200, minutes)


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database, set_time_enabled=True) as them:
        for tenant in ("acme", "rival"):
            await them.register(tenant, "enterprise")
        yield them


async def desk(node: Callers, tenant: str = "acme") -> Desk:
    return Desk(node, (await node.key(tenant, "operator"))["key"])


async def test_an_acknowledgement_that_nobody_follows_up_on_is_taken_back_within_seconds(node: Callers) -> None:
    ours, theirs = await desk(node), await desk(node, "rival")
    await limit(node, "acme", 30)
    left, gone_on, foreign = [await one.acknowledged() for one in (ours, ours, theirs)]
    await ours.moves(gone_on, "investigating")
    await pass_by(node, "PT29M")
    fresh = await ours.acknowledged()
    await pass_by(node, "PT1M")
    await ours.becomes(left, "open")
    await asyncio.sleep(1.5)  # another look
    assert [await ours.status(incident) for incident in (gone_on, fresh)] == ["investigating", "acknowledged"]
    assert await theirs.status(foreign) == "acknowledged"
    back = (await ours.history(left))[-1]
    assert back["type"] == "incident.status_changed"
    assert back["actor"] == {"kind": "system", "id": "system"}
    assert (back["data"]["before"], back["data"]["after"]) == ("acknowledged", "open")
    assert back["cause"]["type"] == "incident.acknowledged.v1"
    assert back["causationId"] == f"{back['cause']['stream']}/2"
    assert len(await ours.history(left)) == 3


async def test_the_time_counts_from_the_last_acknowledgement(node: Callers) -> None:
    ours = await desk(node)
    await limit(node, "acme", 30)
    incident = await ours.acknowledged()
    await pass_by(node, "PT31M")
    await ours.becomes(incident, "open")
    await ours.moves(incident, "acknowledged")
    await pass_by(node, "PT29M")
    await asyncio.sleep(1.5)
    assert await ours.status(incident) == "acknowledged"
    await pass_by(node, "PT1M")
    await ours.becomes(incident, "open")


async def test_a_time_out_counts_for_what_is_acknowledged_already_and_can_be_taken_back(node: Callers) -> None:
    ours = await desk(node)
    first = await ours.acknowledged()
    await pass_by(node, "PT24H")
    await asyncio.sleep(1.5)
    assert await ours.status(first) == "acknowledged"
    await limit(node, "acme", 60)
    await ours.becomes(first, "open")
    await limit(node, "acme", None)
    second = await ours.acknowledged()
    await pass_by(node, "PT24H")
    await asyncio.sleep(1.5)
    assert await ours.status(second) == "acknowledged"


@pytest.mark.parametrize("minutes", [-1, 43_201, "30", 1.5, True, [30]])
async def test_what_is_no_number_of_minutes_is_refused(node: Callers, minutes: Any) -> None:
    body = {"acknowledgementTimeoutMinutes": minutes}
    answer = await node.ask(OWNER, "PATCH", "/admin/tenants/acme", body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
