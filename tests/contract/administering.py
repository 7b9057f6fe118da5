"""A node on a database of its own, with the clients of several callers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar

from api.app import create_app
from api.composition import open_node
from infra.settings import Settings

OWNER = "owner-key-of-the-tests"


class Callers:
    """Sends requests with one key or another."""

    def __init__(self, app: Litestar, client: AsyncClient) -> None:
        self.app = app
        self.client = client

    async def ask(self, key: str, method: str, path: str, body: Any = None, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        content: Mapping[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        given = content if body is not None else {}
        return await self.client.request(method, path, headers=headers, **given, **more)

    async def register(self, tenant: str, plan: str = "free") -> None:
        body = {"id": tenant, "name": tenant.title(), "plan": plan}
        assert (await self.ask(OWNER, "POST", "/admin/tenants", body)).status_code == 201

    async def key(self, tenant: str, role: str, by: str = OWNER) -> Mapping[str, str]:
        """Issue a key and return what was answered: ``id``, ``key`` and the rest."""
        answer = await self.ask(by, "POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": "robot"})
        assert answer.status_code == 201, answer.text
        issued: Mapping[str, str] = answer.json()
        return issued


@asynccontextmanager
async def callers(database: str, **more: Any) -> AsyncIterator[Callers]:
    """Open a node on the database, with ``OWNER`` as the deployment's owner key."""
    settings = Settings(database_url=database, bootstrap_key=OWNER, secret_key=("pepper of the tests",), **more)
    async with open_node(settings) as node:
        app = create_app(node)
        asgi: Any = app  # the same protocol under other names
        async with AsyncClient(transport=ASGITransport(asgi), base_url="http://testserver.local") as client:
            yield Callers(app, client)
