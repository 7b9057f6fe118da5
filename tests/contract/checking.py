"""Calls uptime's operations on checks, as a client of it would (contracts/incidents.md 0.6, checks)."""

from collections.abc import Mapping
from typing import Any

from tests.contract.enveloped import Enveloped
from tests.contract.working import Client

CHECKS = "/api/checks"
NO_CHECK = "chk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
SHOP: Mapping[str, Any] = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}

THREE = "eu:timeout us:timeout eu:timeout"
SLOW = "eu:slow_response us:slow_response eu:slow_response"
FINE = "eu:ok us:ok eu:ok"


class Checks(Enveloped):
    """Calls with one key."""

    base = CHECKS

    async def created(self, **more: Any) -> Any:
        """Create a check and return it."""
        return (await self.done("POST", "", {**SHOP, **more}, 201))["data"]["check"]

    async def shown(self, check: str) -> Any:
        return (await self.done("GET", f"/{check}"))["data"]["check"]

    async def changed(self, check: str, **changes: Any) -> Any:
        return (await self.done("PATCH", f"/{check}", changes))["data"]["check"]

    async def hears(self, check: str, results: str, **more: Any) -> tuple[str, str | None]:
        """Report results together, and return how the check stands and its incident."""
        body = [result(word, **more) for word in results.split()]
        data = (await self.done("POST", f"/{check}/results", body))["data"]
        assert set(data) == {"check_status", "incident_id"}
        return data["check_status"], data["incident_id"]

    async def incident(self, incident: str | None) -> Any:
        """Return an incident as uptime shows it."""
        answer = await self.client.call("GET", f"/api/incidents/{incident}", **self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["incident"]

    async def incidents(self, check: str) -> list[Any]:
        """Return the incidents of a check, the oldest first."""
        path = f"/api/incidents?check_id={check}&sort_order=asc"
        answer = await self.client.call("GET", path, **self._headers)
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["data"]["incidents"]
        return found

    async def moved(self, incident: str | None, status: str) -> None:
        """Have a person move an incident."""
        answer = await self.client.call("PUT", f"/api/incidents/{incident}/status", {"status": status}, **self._headers)
        assert answer.status_code == 200, answer.text


def result(word: str, **more: Any) -> Mapping[str, Any]:
    """Read a result from a word: ``eu:timeout`` or ``us:ok``."""
    region, what = word.split(":")
    return {"region": region, "ok": what == "ok", **({} if what == "ok" else {"type": what}), **more}


async def key_of(client: Client, tenant: str, role: str) -> str:
    """Make a key of a role."""
    key: str = (await client.ok("POST", "/admin/keys", {"tenantId": tenant, "role": role, "name": role}))["key"]
    return key
