"""What is kept of each request: an id in its answer, a line where it is worth one, figures without end of labels."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from api import request_log
from infra.redaction import redact
from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import sender_of_its_own
from tests.contract.working import MODEL

MARKER = "marker7f3a"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def node(database: str) -> AsyncIterator[Callers]:
    async with callers(database, log_level="debug") as opened:
        yield opened


@pytest.fixture
async def quiet(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as opened:
        yield opened


async def lines(node: Callers, method: str, path: str, body: Any = None, **more: Any) -> list[dict[str, Any]]:
    """Ask for something with the owner's key and return the lines about requests."""
    with capture_logs() as logs:
        await node.ask(more.pop("key", OWNER), method, path, body, **more)
    return [dict(line) for line in logs if line["event"] == "request"]


async def test_every_answer_has_the_id_that_its_request_came_with_or_one_of_ours(quiet: Callers) -> None:
    ours = []
    for path in ("/readyz", "/v1/incidents", "/jobs/query", "/nowhere", "//readyz", "/processes/x/", "/admin/tenants"):
        given = await quiet.ask(OWNER, "GET", path, headers={"X-Request-Id": "of-a-proxy/17:3"})
        assert given.headers.get_list("x-request-id") == ["of-a-proxy/17:3"], path
        ours.append((await quiet.ask(OWNER, "GET", path)).headers["x-request-id"])
    assert len(set(ours)) == len(ours)
    assert all(re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", one) for one in ours)


@pytest.mark.parametrize("given", ["", "two words", "a" * 129, "<script>", "a\tb", "é", '"'])
async def test_an_id_that_is_none_is_not_repeated(quiet: Callers, given: str) -> None:
    answer = await quiet.client.get("/healthz", headers=[(b"x-request-id", given.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", answer.headers["x-request-id"])


async def test_a_line_says_what_was_asked_by_whom_and_what_came_of_it(node: Callers) -> None:
    body = {"bpmnProcessId": "order", "bpmnXml": MODEL, "version": "1", "workerId": "ada"}
    (line,) = await lines(node, "POST", "/processes", body, headers={"traceparent": TRACE})
    assert line.pop("milliseconds") > 0
    assert line == {
        "event": "request",
        "log_level": "debug",
        "method": "POST",
        "route": "/processes",
        "path": "/processes",
        "status": 201,
        "tenant": "default",
        "traceparent": TRACE,
    }


async def test_a_line_of_a_route_with_parameters_has_both_template_and_path(node: Callers) -> None:
    (line,) = await lines(node, "GET", "/process-instances/2026-01-01/5/variables?names=a,b&limit=7")
    assert (line["route"], line["path"], line["status"]) == (
        "/process-instances/{partition}/{id}/variables",
        "/process-instances/2026-01-01/5/variables",
        404,
    )
    assert line["query"] == "names=***&limit=7"


async def test_what_was_done_without_a_fault_has_no_line_unless_all_have(quiet: Callers) -> None:
    assert not await lines(quiet, "GET", "/v1/incidents")
    (refused,) = await lines(quiet, "GET", "/v1/incidents?limit=x")
    assert (refused["log_level"], refused["status"]) == ("info", 400)
    (unknown,) = await lines(quiet, "GET", "/nowhere")
    assert (unknown["status"], unknown["path"], "route" in unknown) == (404, "/nowhere", False)
    (stranger,) = await lines(quiet, "GET", "/v1/incidents", key="unknown-key")
    assert (stranger["status"], "tenant" in stranger) == (401, False)


async def test_no_line_has_a_secret_or_what_was_said(node: Callers) -> None:
    intake = await sender_of_its_own(node, "custom")
    with capture_logs() as logs:
        await node.ask(f"ann_01_{MARKER}", "GET", f"/v1/incidents?search={MARKER}&api_key={MARKER}&{MARKER}")
        await node.ask(
            OWNER, "POST", "/v1/incidents", {"title": MARKER, "description": MARKER}, headers={"Cookie": f"s={MARKER}"}
        )
        await node.ask(OWNER, "POST", "/processes", {"bpmnXml": MARKER, MARKER: 1}, headers={"Idempotency-Key": MARKER})
        await intake.hands_in({"title": MARKER, "description": MARKER})
        await intake.sends(b"{}", X_Webhook_Signature=f"sha256={MARKER}")
        await node.client.get("/readyz", headers={"X-Request-Id": f"{MARKER} {MARKER}", "traceparent": MARKER})
    assert len([line for line in logs if line["event"] == "request"]) == 6
    assert MARKER not in repr(logs)


@pytest.mark.parametrize("place", ["/nowhere/{}", "/v1/incidents?limit={}", "/v1/incidents?from={}"])
@pytest.mark.parametrize(
    "secret", [f"ann%5F01%5F{MARKER}", f"whsec%5f{MARKER}", f"eyJ{MARKER}%2EeyJ{MARKER}%2E{MARKER}"]
)
async def test_a_secret_that_is_spelt_in_percent_is_masked_like_any_other(
    node: Callers, place: str, secret: str
) -> None:
    (line,) = await lines(node, "GET", place.format(secret))
    masked = redact(None, "info", line)
    assert MARKER not in repr(masked)
    assert "***" in masked.get("query", masked["path"])


async def test_a_value_that_looks_like_more_parameters_is_hidden_as_one(node: Callers) -> None:
    (line,) = await lines(node, "GET", f"/v1/incidents?search=a%26limit%3D{MARKER}&limit=5")
    assert line["query"] == "search=***&limit=5"


async def test_a_flood_of_refusals_has_so_many_lines_a_second(quiet: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MOST_LINES", 3)
    with capture_logs() as logs:
        for _ in range(40):
            await quiet.client.get("/nowhere")
    told = [line for line in logs if line["event"] == "request"]
    left_out = sum(line["requests"] for line in logs if line["event"] == "requests that have no line of their own")
    assert 3 <= len(told) < 40
    assert len(told) + left_out <= 40


async def test_figures_have_no_more_labels_than_there_are_routes(quiet: Callers) -> None:
    for number in range(30):
        await quiet.client.get(f"/nowhere/{number}")
        await quiet.ask(OWNER, "GET", f"/process-instances/2026-01-01/{number}/variables")
        await quiet.client.request(f"METHOD{number}", "/healthz")
    told = (await quiet.client.get("/metrics")).text
    series = [line for line in told.splitlines() if line.startswith("annals_http_requests_total{")]
    assert not [line for line in series if "nowhere" in line or "2026" in line or "METHOD" in line]
    assert [line for line in series if 'route="none"' in line]
    assert [line for line in series if 'method="other"' in line]
