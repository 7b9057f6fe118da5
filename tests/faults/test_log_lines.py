"""What a node writes to its log: lines that lead from a request to its facts, and no secret, at any level."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.node import KEY, Node, free_port, running

MARKER = "marker7f3a"
MODEL = f"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
  <process id="{MARKER}" isExecutable="true"><startEvent id="begun"/></process>
</definitions>"""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    one = Node(tmp_path / "data", free_port(), ANNALS_LOG_LEVEL="debug", ANNALS_SECRET_KEY=f"{MARKER}-of-the-node")
    async with running(one):
        yield one


def lines(node: Node) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in node.said.splitlines() if line.startswith("{")]


async def asked(node: Node, method: str, path: str, body: Any = None, key: str = KEY, **headers: str) -> Any:
    """Send a request; return its answer's status, headers and body."""
    given = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): text for name, text in headers.items()}}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, node.url + path, json=body, headers=given) as response,
    ):
        return response.status, response.headers, await response.text()


async def test_a_line_leads_from_a_request_to_its_facts(node: Node) -> None:
    tenant = {"id": "acme", "name": "Acme", "plan": "free"}
    await asked(node, "POST", "/admin/tenants", tenant, X_Request_Id="from-the-proxy-1")
    incident = {"title": "Checkout is slow", "description": "Customers wait for ten seconds and more."}
    _, headers, _ = await asked(node, "POST", "/v1/incidents", incident)
    told = {line["request_id"]: line for line in lines(node) if line["event"] == "request"}
    assert told["from-the-proxy-1"]["route"] == "/admin/tenants"
    line = told[headers["x-request-id"]]
    position = int(headers["annals-position"])
    _, _, text = await asked(node, "GET", f"/events?after={position - 1}&limit=1")
    (event,) = json.loads(text)["events"]
    assert line["correlation_id"] == event["correlationid"]


async def test_no_line_has_a_secret(node: Node) -> None:
    made = {"bpmnProcessId": MARKER, "bpmnXml": MODEL, "version": "1", "workerId": MARKER}
    requests: list[tuple[str, str, Any, dict[str, str]]] = [
        ("GET", "/jobs/query", None, {"key": f"ann_01_{MARKER}"}),
        ("GET", f"/v1/incidents?search={MARKER}&api_key={MARKER}&{MARKER}", None, {}),
        ("GET", f"/nowhere?token={MARKER}", None, {"Cookie": f"annals={MARKER}", "X_API_Key": MARKER}),
        ("GET", f"/v1/webhooks/ann_01_{MARKER}", None, {}),
        ("POST", "/processes", made, {"Idempotency_Key": MARKER}),
        ("POST", "/processes", {MARKER: MARKER}, {}),
        ("POST", "/v1/incidents", {"title": MARKER, "description": MARKER}, {}),
        ("POST", "/v1/webhooks/default/custom", {MARKER: MARKER}, {"X_Webhook_Signature": MARKER}),
    ]
    statuses = [(await asked(node, *request, **headers))[0] for *request, headers in requests]
    assert not [status for status in statuses if status >= 500]
    assert len([line for line in lines(node) if line["event"] == "request"]) >= len(statuses)
    assert MARKER not in node.said
