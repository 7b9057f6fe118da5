"""A client that works on a node's incidents through alerts."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from domain.event import Event
from domain.incidents.events import AlertCause, IncidentOpened, MonitorCause, RuleCause
from tests.contract.tracking import TrackingClient, tracking_client

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


class AlertsClient(TrackingClient):
    """Calls alerts, and the engine, with the owner's key unless it is told otherwise."""

    async def opened(
        self, opened: IncidentOpened = BREACH, *facts: Event, tenant: str = "default", ulid: str = ""
    ) -> str:
        """Have an incident opened by whatever opens such ones, a rule unless told otherwise; return its id."""
        return await super().opened(opened, *facts, tenant=tenant, ulid=ulid)

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


def alerts_client(database: str, **more: Any) -> AbstractAsyncContextManager[AlertsClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    return tracking_client(database, AlertsClient, **more)
