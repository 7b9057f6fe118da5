"""A client that has events of a node delivered to somebody."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from tests.contract.tracking import TrackingClient, tracking_client

WEBHOOKS = "/webhooks"
URL = "https://receiver.example/hooks"

#: What no webhook has.
NOBODY = "whk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
NO_DELIVERY = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV-10"


class WebhooksClient(TrackingClient):
    """Calls webhooks, and the rest, with the owner's key unless it is told otherwise."""

    async def created(self, url: str = URL, headers: Any = None, **members: Any) -> Any:
        """Make a webhook, and return what was answered, its secret too."""
        answer = await self.call("POST", WEBHOOKS, {"url": url, **members}, **headers or {})
        assert answer.status_code == 201, answer.text
        assert int(answer.headers["annals-position"]) > 0
        return answer.json()

    async def shown(self, webhook: str) -> Any:
        return await self.ok("GET", f"{WEBHOOKS}/{webhook}")

    async def pointers(self, method: str, path: str, body: Any, **headers: str) -> list[str]:
        """Send a request that has to be refused as wrong, and return what its causes point at."""
        answer = await self.call(method, path, body, **headers)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return [cause["pointer"] for cause in answer.json().get("errors", ())]


def webhooks_client(database: str, **more: Any) -> AbstractAsyncContextManager[WebhooksClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    return tracking_client(database, WebhooksClient, **more)
