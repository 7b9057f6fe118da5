"""A node that delivers, webhooks of its tenants, and a receiver that notes what comes and answers as it is told."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import msgspec
from aiohttp import web
from standardwebhooks import Webhook as Verifier

from api.composition import Node, open_node
from commands.handling import Asker
from commands.instances import StartProcessInstance
from commands.processes import CreateProcess
from commands.webhooks import CreateWebhook, MintedWebhook
from domain.event import Actor
from infra.delivery.records import AttemptRecord, DeliveryRecord, deliveries, find_delivery
from infra.delivery.secrets import WebhookSecrets
from infra.settings import Settings
from tests.story import bpmn

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NUMBERS = itertools.count(1)
PATIENCE = 30.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Received(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)

    def verify(self, *secrets: str) -> None:
        """Have the reference library verify it under each of some secrets."""
        for secret in secrets or (SECRET,):
            Verifier(secret).verify(self.body, self.headers)


class Receiver:
    """Notes every request; ``answer`` makes the response, 204 unless it is set to do otherwise."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Handler = self.takes
        self.url = ""

    @property
    def positions(self) -> list[int]:
        return [int(request.event["id"]) for request in self.received]

    @staticmethod
    async def takes(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    def says(self, *statuses: int, **headers: str) -> None:
        """Answer with these statuses in turn, with the last one from then on."""
        left = list(statuses)

        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=left.pop(0) if len(left) > 1 else left[0], headers=headers)

        self.answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, await request.read()))
        return await self.answer(request)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve on loopback."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/"
    try:
        yield receiver
    finally:
        await runner.cleanup()


class Stage:
    """A node that delivers, and what tests do with it; everything is of the tenant ``default`` unless said."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.database = node.pools.queries

    async def send(self, command: Any, target: Any = None, tenant: str = "default") -> Any:
        return await self.node.commands.send(command, Asker(tenant, Actor("user", "ada")), target)

    async def webhook(self, url: str, tenant: str = "default", secret: str = SECRET, **more: Any) -> str:
        """Create a webhook, and return its ULID."""
        ulid = f"01ARZ3NDEKTSV4RRFFQ6{next(NUMBERS):06}"
        sealed = WebhookSecrets(self.node.secret_key).mint(tenant, ulid, secret)
        await self.send(CreateWebhook(url=url, secret=secret, **more), MintedWebhook(ulid, sealed), tenant)
        return ulid

    async def happens(self, times: int = 1, tenant: str = "default", process: str = "") -> list[int]:
        """Have something happen: a process is deployed, and runs; return the positions of the events."""
        process = process or f"p{next(NUMBERS)}"
        begin = await self.node.log.head()
        model = bpmn("s:startEvent e:endEvent", "s>e", process)
        await self.send(CreateProcess(bpmn_process_id=process, bpmn_xml=model, version="1"), tenant=tenant)
        for _ in range(times - 1):
            await self.send(StartProcessInstance(bpmn_process_id=process, version="1"), tenant=tenant)
        return list(range(begin + 1, await self.node.log.head() + 1))

    async def deliveries(self, webhook: str) -> list[DeliveryRecord]:
        """Return a webhook's deliveries, the oldest first."""
        return (await deliveries(self.database, webhook, limit=10_000))[::-1]

    async def delivery(self, webhook: str, position: int) -> tuple[DeliveryRecord, list[AttemptRecord]]:
        found = await find_delivery(self.database, webhook, position)
        assert found is not None
        return found

    async def settled(self, webhook: str, count: int, states: Sequence[str] = ("delivered",)) -> list[DeliveryRecord]:
        """Wait until so many deliveries of a webhook are in one of some states; return all of them."""

        async def enough() -> bool:
            return sum(record.state in states for record in await self.deliveries(webhook)) >= count

        await until(enough)
        return await self.deliveries(webhook)

    async def told(self) -> None:
        """Wait until the log has been looked through to its end."""
        head = await self.node.log.head()

        async def there() -> bool:
            position: int = await self.database.fetchval("select position from delivery.progress")
            return position >= head

        await until(there)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  (what is waited for is in the database)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def delivering(database: str, **settings: Any) -> AsyncIterator[Stage]:
    """Open a node that delivers to loopback, and tries again soon."""
    given: dict[str, Any] = {
        "roles": ("delivery",),
        "secret_key": ("pepper of tests",),
        "webhook_private_targets": ("127.0.0.1",),
        "webhook_timeout": 5.0,
        "webhook_retries": (0.05,) * 8,
        "database_url": database,
    } | settings
    async with open_node(Settings(**given)) as node:
        yield Stage(node)


async def executed(database: str, statement: str, *args: Any) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(statement, *args)
    finally:
        await connection.close()
