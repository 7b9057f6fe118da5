"""Who may do what, asked of the whole application (contracts/incidents.md 0.4, contracts/engine.md 1.2)."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator

import pytest
from litestar.routes import HTTPRoute

from api.identity import Access
from tests.contract.administering import OWNER, Callers, callers

QUERY = "/process-instances/query"
LOCK = ("POST", "/jobs/lock", {"workerId": "w", "limit": 1})


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as them:
        yield them


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_every_form_of_an_api_key_is_taken(node: Callers) -> None:
    issued = await node.key("default", "viewer")
    pair = in_base64(f"{issued['id']}:{issued['key']}")
    for headers in (
        {"Authorization": f"Bearer {issued['key']}"},
        {"Authorization": f"Basic {pair}"},
        {"Authorization": issued["key"]},
        {"Authorization": pair},
        {"X-API-Key": issued["key"]},
    ):
        assert (await node.client.post(QUERY, json={}, headers=headers)).status_code == 200, headers


async def test_without_a_valid_key_the_answer_is_a_problem_with_a_challenge(node: Callers) -> None:
    issued = await node.key("default", "viewer")
    wrong_id = in_base64(f"K1:{issued['key']}")
    for headers in (
        {},
        {"Authorization": f"Bearer {issued['key']}x"},
        {"Authorization": f"Basic {wrong_id}"},
        {"Authorization": f"Digest {issued['key']}"},
        {"X-API-Key": ""},
    ):
        answer = await node.client.post(QUERY, json={}, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "UNAUTHORIZED"), headers
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Bearer" in answer.headers["WWW-Authenticate"]


async def test_readiness_is_open_only_when_it_is_asked_plainly(node: Callers) -> None:
    assert (await node.client.get("/readiness")).text == "ready"
    assert (await node.client.get("/readiness?x=1")).status_code == 401
    assert (await node.ask(OWNER, "GET", "/readiness?x=1")).status_code == 200
    for path in ("/healthz", "/readyz", "/schema/openapi.json"):
        assert (await node.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("role", "reads", "works"),
    [
        ("viewer", 200, 403),
        ("auditor", 200, 403),
        ("worker", 200, 200),
        ("operator", 200, 200),
        ("admin", 200, 200),
        ("owner", 200, 200),
    ],
)
async def test_a_role_reads_or_works(node: Callers, role: str, reads: int, works: int) -> None:
    key = (await node.key("default", role))["key"]
    assert (await node.ask(key, "POST", QUERY, {})).status_code == reads
    assert (await node.ask(key, *LOCK)).status_code == works


async def test_the_clock_is_moved_by_the_owner_of_the_deployment_alone(node: Callers) -> None:
    await node.register("acme")
    for key in (await node.key("acme", "owner"), await node.key("default", "admin")):
        answer = await node.ask(key["key"], "PATCH", "/time", {"timeDuration": "PT1H"})
        assert (answer.status_code, answer.json()["type"]) == (403, "FORBIDDEN")


async def test_what_one_tenant_runs_no_other_sees(node: Callers) -> None:
    await node.register("acme")
    await node.register("rival")
    acme, rival = [(await node.key(tenant, "operator"))["key"] for tenant in ("acme", "rival")]
    process = {"bpmnProcessId": "p", "version": "1", "bpmnXml": MODEL, "workerId": "w"}
    assert (await node.ask(acme, "POST", "/processes", process)).status_code == 201
    assert (await node.ask(acme, "POST", "/processes/query", {})).json()["count"] == 1
    assert (await node.ask(rival, "POST", "/processes/query", {})).json()["count"] == 0


async def test_a_key_revoked_on_one_node_is_refused_on_another_within_a_second(database: str) -> None:
    async with callers(database) as one, callers(database) as other:
        issued = await one.key("default", "viewer")
        busy = asyncio.create_task(keep_asking(other, issued["key"]))
        await asyncio.sleep(0.5)
        await one.ask(OWNER, "DELETE", f"/admin/keys/{issued['id']}")
        revoked = time.monotonic()
        refused = await asyncio.wait_for(busy, 5)
    assert refused - revoked < 1


async def keep_asking(node: Callers, key: str) -> float:
    """Use a key without a pause; return when it was refused first."""
    while (await node.ask(key, "POST", QUERY, {})).status_code == 200:
        pass
    return time.monotonic()


async def test_every_route_says_who_may_use_it(node: Callers) -> None:
    routes = node.app.routes
    handlers = [handler for route in routes if isinstance(route, HTTPRoute) for handler in route.route_handlers]
    assert len(handlers) > 20
    assert all(isinstance(handler.opt["access"], Access) for handler in handlers)


MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
  <process id="p" isExecutable="true">
    <startEvent id="begun"><outgoing>f</outgoing></startEvent>
    <endEvent id="done"><incoming>f</incoming></endEvent>
    <sequenceFlow id="f" sourceRef="begun" targetRef="done" />
  </process>
</definitions>"""
