"""The trace context of a request is kept with what it writes, whichever API it comes to."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncpg import create_pool
from httpx import Response

from projections.database import Database
from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import CUSTOM, sender
from tests.contract.working import MODEL

NUMBERS = itertools.count(1)

TRACE_AT = "select traceparent from log.events where notification_id = $1"


class Traced:
    """Calls an API, each time in a trace of its own, and looks in what trace the log has what that came to."""

    def __init__(self, callers: Callers, log: Database) -> None:
        self.callers = callers
        self.log = log
        self.trace = ""

    def headers(self) -> dict[str, str]:
        """Return the header of the next trace."""
        self.trace = f"00-{next(NUMBERS):032x}-00f067aa0ba902b7-01"
        return {"traceparent": self.trace}

    async def ask(self, method: str, path: str, body: Any = None) -> Response:
        return await self.kept(await self.callers.ask(OWNER, method, path, body, headers=self.headers()))

    async def kept(self, answer: Response) -> Response:
        """Hold the log to having the last fact of this answer in its request's trace."""
        assert answer.is_success, answer.text
        position = int(answer.headers["annals-position"])
        assert await self.log.fetchval(TRACE_AT, position) == self.trace
        return answer


@pytest.fixture
async def traced(database: str) -> AsyncIterator[Traced]:
    async with callers(database) as opened, create_pool(database, min_size=1, max_size=1) as pool:
        yield Traced(opened, pool)


async def test_what_the_engine_is_asked_for_is_in_the_trace_of_the_request(traced: Traced) -> None:
    deployed = await traced.ask(
        "POST", "/processes", {"bpmnProcessId": "order", "bpmnXml": MODEL, "version": "1", "workerId": "ada"}
    )
    start = {"bpmnProcessId": "order", "version": "1", "workerId": "ada"}
    await traced.ask("POST", "/process-instances", start)
    await traced.ask("POST", "/process-instances/batch", {"items": [start]})
    locked = await traced.ask(
        "POST", "/jobs/lock", {"processIds": [deployed.json()["id"]], "limit": 1, "workerId": "ada"}
    )
    job = locked.json()["jobs"][0]
    await traced.ask("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", {"workerId": "ada"})


async def test_what_is_said_of_incidents_is_in_the_trace_of_the_request(traced: Traced) -> None:
    incident = {"title": "Checkout is slow", "description": "Customers wait for ten seconds and more."}
    created = await traced.ask("POST", "/v1/incidents", incident)
    await traced.ask("PATCH", f"/v1/incidents/{created.json()['incidentId']}", {"status": "investigating"})


async def test_what_is_administered_is_in_the_trace_of_the_request(traced: Traced) -> None:
    await traced.ask("POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "free"})
    await traced.ask("PATCH", "/admin/tenants/acme", {"plan": "pro"})
    issued = await traced.ask("POST", "/admin/keys", {"tenantId": "acme", "role": "viewer", "name": "screen"})
    await traced.ask("DELETE", f"/admin/keys/{issued.json()['id']}")
    opened = await traced.ask("POST", "/admin/intakes", {"tenantId": "acme", "provider": "custom", "name": "probes"})
    await traced.ask("DELETE", f"/admin/intakes/{opened.json()['id']}")


async def test_an_alert_that_is_handed_in_is_in_the_trace_of_the_request(traced: Traced) -> None:
    custom = await sender(traced.callers, "custom")
    await traced.kept(await custom.hands_in(CUSTOM, **traced.headers()))


async def test_what_is_asked_for_in_no_trace_is_kept_in_none(traced: Traced) -> None:
    answer = await traced.callers.ask(OWNER, "POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "free"})
    assert await traced.log.fetchval(TRACE_AT, int(answer.headers["annals-position"])) is None
