"""No text, whoever sends it, keeps the read models of incidents from going on: PostgreSQL cannot store NUL."""

import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.working import MODEL, Client, engine_client


@pytest.fixture
async def node(database: str) -> AsyncIterator[Client]:
    async with engine_client(database) as client:
        yield client


async def messages(node: Client) -> list[tuple[str, str]]:
    """Return titles and descriptions of the incidents, as of now: that waits for every read model it takes."""
    rows = (await node.ok("GET", "/v1/incidents?order=asc"))["incidents"]
    shown = [await node.ok("GET", f"/v1/incidents/{row['incidentId']}") for row in rows]
    return [(one["title"], one["description"]) for one in shown]


async def test_a_job_that_fails_with_a_nul_character_is_refused_and_stays(node: Client) -> None:
    await node.deploy()
    await node.start()
    (job,) = await node.lock()
    path = f"/jobs/{job['partition']}/{job['id']}/complete"
    answer = await node.call("PATCH", path, {"workerId": "worker", "error": "card \u0000declined"})
    assert (answer.status_code, answer.json()["type"]) == (400, "HTTP_REQUEST_BODY")
    assert [row["state"] for row in await node.rows("jobs")] == ["LOCKED"]
    assert await messages(node) == []


async def test_other_control_characters_are_left_to_jobs_and_kept_out_of_incidents(node: Client) -> None:
    named = MODEL.replace("Pay &lt;now&gt;", "Charge&#x85;it&#10;now")
    assert named != MODEL
    await node.deploy(named)
    await node.start()
    (job,) = await node.lock()
    await node.complete(job, error="\u001b[31mcard\u0085 declined\n\tat noon")
    assert await messages(node) == [("Charge it now failed in order 1", " [31mcard  declined\n\tat noon")]
    (failed,) = await node.rows("jobs")
    assert failed["error"] == "\u001b[31mcard\u0085 declined\n\tat noon"


@pytest.mark.parametrize("member", ["message", "region"])
async def test_a_result_of_a_probe_with_a_nul_character_is_refused(node: Client, member: str) -> None:
    check = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}
    created = (await node.ok("POST", "/api/checks", check))["data"]["check"]["id"]
    result = {"region": "eu", "ok": False, "type": "timeout", "message": "no answer", member: "no \u0000answer"}
    answer = await node.call("POST", f"/api/checks/{created}/results", [result] * 3)
    assert answer.status_code == 400, answer.text
    assert await messages(node) == []


@pytest.mark.parametrize("member", ["title", "description", "sourceAlertId", "service", "tags"])
async def test_an_alert_with_a_nul_character_is_refused(node: Client, member: str) -> None:
    intake = await node.ok("POST", "/admin/intakes", {"tenantId": "default", "provider": "custom", "name": "disks"})
    text = "disk \u0000full"
    alert: dict[str, Any] = {"title": "Disk is full", "description": "no space"}
    body = json.dumps({**alert, member: {"said": text} if member == "tags" else text}).encode()
    signature = "sha256=" + hmac.digest(intake["secret"].encode(), body, "sha256").hex()
    headers = {"X-Webhook-Signature": signature, "Content-Type": "application/json"}
    answer = await node.http.post("/v1/webhooks/default/custom", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert await messages(node) == []
