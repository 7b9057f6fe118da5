"""A node on a database of its own, and a client that works on its incidents through alerts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from httpx import ASGITransport, AsyncClient

from api.app import create_app
from api.composition import Node, open_node
from commands.context import Context, Decision
from domain.event import Actor, Append, Event
from domain.identity import incident_stream
from domain.incidents.events import (
    AlertCause,
    IncidentCanceled,
    IncidentClosed,
    IncidentOpened,
    IncidentResolved,
    IncidentStatusChanged,
    MonitorCause,
    RuleCause,
)
from domain.incidents.status import Status
from infra.settings import Settings
from tests.contract.working import OWNER, Client

INCIDENTS = "/api/alerts/incidents"

RULE = "rule_01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
RULE_CAUSE = RuleCause(
    RULE.removeprefix("rule_"), "Failing models", "error_rate", "gt", 5.0, 12.3, 15, 42, {"modelKey": "gpt"}
)
BREACH = IncidentOpened(
    "alert_rule", 4, "Failing models: error_rate gt 5", "error_rate was 12.3 (gt 5)", rule=RULE_CAUSE
)
OUTAGE = IncidentOpened(
    "monitor", 4, "Shop - timeout", "no answer", monitor=MonitorCause("chk_1", "Shop", "https://shop"), type="timeout"
)
OUTSIDE = IncidentOpened("external_alert", 3, "Disk full", "97 %", alert=AlertCause("custom", "disk-1"))
BY_HAND = IncidentOpened("manual", 2, "Slow lift", "since this morning")

#: The facts that lead from an opened incident to each status.
WAYS: dict[str, tuple[Event, ...]] = {
    "open": (),
    "acknowledged": (IncidentStatusChanged(Status.OPEN, Status.ACKNOWLEDGED),),
    "triaging": (IncidentStatusChanged(Status.OPEN, Status.TRIAGING),),
    "investigating": (IncidentStatusChanged(Status.OPEN, Status.INVESTIGATING),),
    "awaiting_approval": (IncidentStatusChanged(Status.OPEN, Status.AWAITING_APPROVAL),),
    "remediating": (IncidentStatusChanged(Status.OPEN, Status.REMEDIATING),),
    "resolved": (IncidentResolved("manual", Status.OPEN),),
    "closed": (IncidentClosed(Status.OPEN),),
    "canceled": (IncidentCanceled(Status.OPEN),),
}


class AlertsClient(Client):
    """Calls alerts, and the engine, with the owner's key unless it is told otherwise."""

    def __init__(self, node: Node, http: AsyncClient) -> None:
        super().__init__(http)
        self.node = node

    async def opened(self, opened: IncidentOpened = BREACH, *facts: Event, tenant: str = "default") -> str:
        """Have an incident opened by whatever opens such ones, and more happen to it; return its id."""
        ulid = self.node.commands._ids.ulid()
        await self.happened(f"inc_{ulid}", opened, *facts, tenant=tenant)
        return f"inc_{ulid}"

    async def happened(self, incident: str, *facts: Event, tenant: str = "default", at: datetime | None = None) -> None:
        """Have something happen to an incident that alerts has no part in."""
        commands = self.node.commands
        context = Context(
            tenant,
            Actor("rule", "system"),
            at or commands.clock.now(),
            commands._ids,
            commands._cipher,
            command_id=commands._ids.ulid(),
        )
        stream = incident_stream(incident.removeprefix("inc_"))
        append = Append(stream, len(await self.node.log.read(stream)), facts)
        await self.node.log.append(Decision((append,)), context)

    async def shown(self, incident: str, **headers: str) -> Any:
        return (await self.ok("GET", f"{INCIDENTS}/{incident}", **headers))["incident"]

    async def listed(self, query: str = "", **headers: str) -> list[str]:
        """Return the ids of a page of incidents."""
        page = await self.ok("GET", f"{INCIDENTS}?{query}", **headers)
        return [incident["_id"] for incident in page["incidents"]]

    async def moved(self, incident: str, status: str, **headers: str) -> Any:
        return (await self.ok("PATCH", f"{INCIDENTS}/{incident}", {"status": status}, **headers))["incident"]

    async def noted(self, incident: str, content: str, **headers: str) -> Any:
        answer = await self.call("POST", f"{INCIDENTS}/{incident}/notes", {"content": content}, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["incident"]

    async def error(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Send a request that has to be refused in the form of alerts, and return the status and the text."""
        answer = await self.call(method, path, body, **headers)
        assert answer.headers["content-type"] == "application/json", answer.text
        assert list(answer.json()) == ["error"], answer.text
        return answer.status_code, answer.json()["error"]

    async def key(self, role: str, tenant: str = "default", name: str = "robot") -> str:
        """Return a new key of a role."""
        issued = await self.ok("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": name})
        key: str = issued["key"]
        return key

    async def tenant(self, tenant: str) -> str:
        """Register a tenant and return its owner's key."""
        await self.ok("POST", "/admin/tenants", {"id": tenant, "name": tenant.title(), "plan": "enterprise"})
        return await self.key("owner", tenant)


@asynccontextmanager
async def alerts_client(database: str, **more: Any) -> AsyncIterator[AlertsClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    settings = Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)
    async with open_node(settings) as node:
        app: Any = create_app(node)  # httpx and Litestar write ASGI's types differently
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://annals") as http:
            yield AlertsClient(node, http)
