"""A node on a database of its own, and a client that has incidents opened and worked on behind the APIs' backs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from httpx import ASGITransport, AsyncClient

from api.app import create_app
from api.composition import Node, open_node
from commands.context import Context, Decision
from domain.event import Actor, Append, Event
from domain.identity import incident_stream
from domain.incidents.events import (
    IncidentAcknowledged,
    IncidentCanceled,
    IncidentClosed,
    IncidentOpened,
    IncidentResolved,
    IncidentStatusChanged,
)
from domain.incidents.status import Status
from infra.settings import Settings
from tests.contract.working import OWNER, Client

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


class TrackingClient(Client):
    """Calls the APIs with the owner's key unless it is told otherwise."""

    def __init__(self, node: Node, http: AsyncClient) -> None:
        super().__init__(http)
        self.node = node

    async def opened(self, opened: IncidentOpened, *facts: Event, tenant: str = "default", ulid: str = "") -> str:
        """Have an incident opened by whatever opens such ones, and more happen to it; return its id."""
        incident = f"inc_{ulid or self.node.commands._ids.ulid()}"
        await self.happened(incident, opened, *facts, tenant=tenant)
        return incident

    async def happened(self, incident: str, *facts: Event, tenant: str = "default", at: datetime | None = None) -> None:
        """Have something happen to an incident that no API has a part in."""
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

    async def key(self, role: str, tenant: str = "default", name: str = "robot") -> str:
        """Return a new key of a role."""
        issued = await self.ok("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": name})
        key: str = issued["key"]
        return key

    async def tenant(self, tenant: str, plan: str = "enterprise") -> str:
        """Register a tenant, unless it is, and return a new key of its owner."""
        body = {"id": tenant, "name": tenant.title(), "plan": plan}
        assert (await self.call("POST", "/admin/tenants", body)).status_code in {201, 409}
        return await self.key("owner", tenant)


T = TypeVar("T", bound=TrackingClient)


@asynccontextmanager
async def tracking_client(database: str, kind: type[T], **more: Any) -> AsyncIterator[T]:
    """Open a node on the database, and a client of this kind that holds the deployment's owner key."""
    settings = Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)
    async with open_node(settings) as node:
        app: Any = create_app(node)  # httpx and Litestar write ASGI's types differently
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://annals") as http:
            yield kind(node, http)
