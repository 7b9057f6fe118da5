"""A node on a database of its own, and a client that works on its incidents through the feed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from httpx import ASGITransport, AsyncClient

from api.app import create_app
from api.composition import Node, open_node
from commands.context import Context, Decision
from domain.event import Actor, Append, Event
from domain.identity import incident_stream
from domain.incidents.events import (
    AlertCause,
    IncidentAcknowledged,
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

FEED = "/v1/incidents"
FIGURES = "/v1/analytics/incidents"

TITLE = "Checkout is slow"
DESCRIPTION = "Customers wait for ten seconds and more."

#: What opens incidents beside people and processes.
BREACH = IncidentOpened(
    "alert_rule",
    4,
    "Failing models: error_rate gt 5",
    "error_rate was 12.3 (gt 5)",
    rule=RuleCause("rule_1", "Failing models", "error_rate", "gt", 5.0, 12.3, 15, 42, {"modelKey": "gpt"}),
)
OUTAGE = IncidentOpened(
    "monitor", 3, "Shop - timeout", "no answer", monitor=MonitorCause("chk_1", "Shop", "https://shop"), type="timeout"
)
OUTSIDE = IncidentOpened(
    "external_alert", 1, "Disk full", "97 percent", alert=AlertCause("custom", "disk-1", service="files")
)

#: The facts that lead from an opened incident to each status.
WAYS: Mapping[str, tuple[Event, ...]] = {
    "open": (),
    "acknowledged": (IncidentAcknowledged(Status.OPEN),),
    "triaging": (IncidentStatusChanged(Status.OPEN, Status.TRIAGING),),
    "investigating": (IncidentStatusChanged(Status.OPEN, Status.INVESTIGATING),),
    "awaiting_approval": (IncidentStatusChanged(Status.OPEN, Status.AWAITING_APPROVAL),),
    "remediating": (IncidentStatusChanged(Status.OPEN, Status.REMEDIATING),),
    "resolved": (IncidentResolved("manual", Status.OPEN),),
    "closed": (IncidentClosed(Status.OPEN),),
    "canceled": (IncidentCanceled(Status.OPEN),),
}


class FeedClient(Client):
    """Calls the feed, and the engine, with the owner's key unless it is told otherwise."""

    def __init__(self, node: Node, http: AsyncClient) -> None:
        super().__init__(http)
        self.node = node

    async def created(self, title: str = TITLE, description: str = DESCRIPTION, **more: Any) -> Any:
        """Report an incident and return it."""
        headers = more.pop("headers", {})
        answer = await self.call("POST", FEED, {"title": title, "description": description, **more}, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def opened(self, opened: IncidentOpened, *facts: Event, tenant: str = "default", ulid: str = "") -> str:
        """Have an incident opened by whatever opens such ones, and more happen to it; return its id."""
        incident = f"inc_{ulid or self.node.commands._ids.ulid()}"
        await self.happened(incident, opened, *facts, tenant=tenant)
        return incident

    async def happened(self, incident: str, *facts: Event, tenant: str = "default", at: Any = None) -> None:
        """Have something happen to an incident that the feed has no part in."""
        commands = self.node.commands
        context = Context(
            tenant,
            Actor("system", "system"),
            at or commands.clock.now(),
            commands._ids,
            commands._cipher,
            command_id=commands._ids.ulid(),
        )
        stream = incident_stream(incident.removeprefix("inc_"))
        append = Append(stream, len(await self.node.log.read(stream)), facts)
        await self.node.log.append(Decision((append,)), context)

    async def shown(self, incident: str, **headers: str) -> Any:
        return await self.ok("GET", f"{FEED}/{incident}", **headers)

    async def moved(self, incident: str, status: str, **headers: str) -> Any:
        return await self.ok("PATCH", f"{FEED}/{incident}", {"status": status}, **headers)

    async def rated(self, incident: str, severity: str, **headers: str) -> Any:
        return await self.ok("PATCH", f"{FEED}/{incident}/severity", {"severity": severity}, **headers)

    async def merged(self, incident: str, into: str, **headers: str) -> Any:
        answer = await self.call("POST", f"{FEED}/{incident}/merge", {"into": into}, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def history(self, incident: str, **headers: str) -> list[Any]:
        told = await self.ok("GET", f"{FEED}/{incident}/history", **headers)
        assert told["count"] == len(told["history"])
        entries: list[Any] = told["history"]
        return entries

    async def page(self, query: str = "", **headers: str) -> Any:
        return await self.ok("GET", f"{FEED}?{query}", **headers)

    async def pages(self, query: str = "") -> list[list[str]]:
        """Walk through the list by its cursors, and return the ids of each page."""
        page = await self.page(query)
        pages = [ids_of(page)]
        while page["cursor"] is not None:
            page = await self.page(f"{query}&cursor={page['cursor']}")
            pages.append(ids_of(page))
        return pages

    async def error(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, str]:
        """Send a request that has to be refused in the form of the feed; return status, code and message."""
        answer = await self.call(method, path, body, **headers)
        assert answer.headers["content-type"] == "application/json", answer.text
        told = answer.json()
        assert set(told) - {"details"} == {"error", "message"}, told
        return answer.status_code, told["error"], told["message"]

    async def key(self, role: str, tenant: str = "default", name: str = "robot") -> str:
        """Return a new key of a role."""
        issued = await self.ok("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": name})
        key: str = issued["key"]
        return key

    async def tenant(self, tenant: str, plan: str = "enterprise") -> str:
        """Register a tenant and return its owner's key."""
        await self.ok("POST", "/admin/tenants", {"id": tenant, "name": tenant.title(), "plan": plan})
        return await self.key("owner", tenant)


def ids_of(page: Any) -> list[str]:
    return [row["incidentId"] for row in page["incidents"]]


@asynccontextmanager
async def feed_client(database: str, **more: Any) -> AsyncIterator[FeedClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    settings = Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)
    async with open_node(settings) as node:
        app: Any = create_app(node)  # httpx and Litestar write ASGI's types differently
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://annals") as http:
            yield FeedClient(node, http)
