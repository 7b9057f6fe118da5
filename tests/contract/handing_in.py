"""Senders of alerts: they sign what they hand in, or send a routing key along."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from typing import Any

from httpx import Response

from tests.contract.administering import OWNER, Callers

NUMBERS = itertools.count(1)

CUSTOM: Mapping[str, Any] = {"title": "Disk full on db1", "description": "/var has 0 bytes left"}


def signature(secret: str, body: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class Sender:
    """Another system, with what it was told when its intake was opened."""

    def __init__(self, callers: Callers, tenant: str, opened: Mapping[str, str], key: str = OWNER) -> None:
        self.callers = callers
        self.tenant = tenant
        self.opened = opened
        self._key = key
        self.path = f"/v1/webhooks/{tenant}/{opened['provider']}"

    async def hands_in(self, body: Any, **headers: str) -> Response:
        """Send alerts, signed; ``body`` is bytes or becomes JSON. Headers are written with underscores."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.sends(raw, X_Webhook_Signature=signature(self.opened["secret"], raw), **headers)

    async def triggers(self, event: Mapping[str, Any]) -> Response:
        """Send an event for PagerDuty, which nobody signs."""
        return await self.sends(json.dumps({"routing_key": self.opened["routingKey"], **event}).encode())

    async def sees(self, path: str) -> Any:
        """Return what the APIs tell the owner of the tenant."""
        answer = await self.callers.ask(self._key, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sends(self, raw: bytes, **headers: str) -> Response:
        """Send these bytes with these headers and no others that would prove anything."""
        given = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        sent = [(name.encode(), text.encode("latin-1")) for name, text in given.items()]
        return await self.callers.client.post(self.path, content=raw, headers=sent)


async def sender(callers: Callers, provider: str, tenant: str = "default", by: str = OWNER) -> Sender:
    """Open an intake."""
    body = {"tenantId": tenant, "provider": provider, "name": f"the {provider} of {tenant}"}
    opened = await callers.ask(by, "POST", "/admin/intakes", body)
    assert opened.status_code == 201, opened.text
    return Sender(callers, tenant, opened.json(), by)


async def sender_of_its_own(callers: Callers, provider: str) -> Sender:
    """Open an intake of a new tenant, so that tests that share a node see nothing of each other."""
    tenant = f"tenant-{next(NUMBERS)}"
    await callers.register(tenant, "enterprise")
    return await sender(callers, provider, tenant, (await callers.key(tenant, "owner"))["key"])
