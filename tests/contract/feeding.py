"""A client that works on a node's incidents through the feed."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from domain.incidents.events import AlertCause, IncidentOpened, MonitorCause, RuleCause
from tests.contract.tracking import TrackingClient, tracking_client

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


class FeedClient(TrackingClient):
    """Calls the feed, and the engine, with the owner's key unless it is told otherwise."""

    async def created(self, title: str = TITLE, description: str = DESCRIPTION, **more: Any) -> Any:
        """Report an incident and return it."""
        headers = more.pop("headers", {})
        answer = await self.call("POST", FEED, {"title": title, "description": description, **more}, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

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


def ids_of(page: Any) -> list[str]:
    return [row["incidentId"] for row in page["incidents"]]


def feed_client(database: str, **more: Any) -> AbstractAsyncContextManager[FeedClient]:
    """Open a node on the database, and a client that holds the deployment's owner key."""
    return tracking_client(database, FeedClient, **more)
