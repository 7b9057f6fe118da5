"""Calls uptime's operations on incidents, as a client of it would (contracts/incidents.md 3)."""

from collections.abc import Mapping
from typing import Any

from tests.contract.enveloped import Enveloped

INCIDENTS = "/api/incidents"
NOWHERE = "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
REPORT: Mapping[str, Any] = {
    "severity": "major",
    "type": "status_code",
    "title": "Checkout answers 502",
    "error_message": "expected 200, got 502",
}

#: The moves of the contract's table, section 3.4; what is not in it is refused.
STATUSES = ("open", "acknowledged", "resolved", "closed")
TABLE: Mapping[str, tuple[str, ...]] = {
    "open": ("acknowledged", "resolved"),
    "acknowledged": ("resolved", "closed"),
    "resolved": ("closed",),
    "closed": (),
}

#: How an incident gets to a status.
WAYS: Mapping[str, tuple[str, ...]] = {
    "open": (),
    "acknowledged": ("acknowledged",),
    "resolved": ("resolved",),
    "closed": ("resolved", "closed"),
}


class Uptime(Enveloped):
    """Calls with one key."""

    base = INCIDENTS

    async def opened(self, **more: Any) -> Any:
        """Open an incident and return it."""
        return (await self.done("POST", "", {**REPORT, **more}, 201))["data"]["incident"]

    async def shown(self, incident: str) -> Any:
        """Return an incident as the detail shows it."""
        return (await self.done("GET", f"/{incident}"))["data"]["incident"]

    async def moved(self, incident: str, status: str, **more: Any) -> Any:
        """Move an incident and return it."""
        return (await self.done("PUT", f"/{incident}/status", {"status": status, **more}))["data"]["incident"]

    async def brought_to(self, status: str, **more: Any) -> str:
        """Open an incident, move it to a status, and return its id."""
        incident: str = (await self.opened(**more))["id"]
        for word in WAYS[status]:
            await self.moved(incident, word)
        return incident

    async def listed(self, query: str = "") -> list[Any]:
        """Return the incidents of a page."""
        found: list[Any] = (await self.done("GET", f"?{query}"))["data"]["incidents"]
        return found

    async def updates(self, incident: str, query: str = "") -> list[Any]:
        """Return a page of an incident's timeline."""
        found: list[Any] = (await self.done("GET", f"/{incident}/updates?{query}"))["data"]["updates"]
        return found

    async def failed_process(self) -> str:
        """Have a process fail, and return the id of its incident."""
        await self.client.deploy()
        await self.client.start()
        (job,) = await self.client.lock()
        await self.client.complete(job, error="card declined")
        incident: str = (await self.listed())[0]["id"]
        return incident
