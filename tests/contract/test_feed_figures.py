"""The feed's figures (contracts/incidents.md 0.6, 2.5)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.incidents.events import IncidentClosed, IncidentReopened, IncidentResolved, IncidentStartBackdated
from domain.incidents.status import Status
from tests.contract.feeding import BREACH, FIGURES, FeedClient, feed_client
from tests.contract.tracking import WAYS
from tests.contract.working import place

NONE = {"critical": 0, "high": 0, "medium": 0, "low": 0}
EMPTY = {"totalIncidents": 0, "resolvedIncidents": 0, "mttr": None, "resolutionRate": 0.0, "bySeverity": NONE}

RESOLVED = IncidentResolved("manual", Status.OPEN)


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database, set_time_enabled=True) as client:
        yield client


async def figures(feed: FeedClient, period: str = "", **headers: str) -> Any:
    return await feed.ok("GET", f"{FIGURES}?period={period}" if period else FIGURES, **headers)


async def lasting(feed: FeedClient, ago: timedelta, lasted: timedelta | None = None, severity: int = 4) -> str:
    """Open an incident so long ago, which was resolved after so long."""
    incident = f"inc_{feed.node.commands._ids.ulid()}"
    opened_at = feed.node.commands.clock.now() - ago
    await feed.happened(incident, msgspec.structs.replace(BREACH, severity=severity), at=opened_at)
    if lasted is not None:
        await feed.happened(incident, RESOLVED, at=opened_at + lasted)
    return incident


async def test_without_incidents_there_is_nothing_to_tell(feed: FeedClient) -> None:
    answer = await feed.call("GET", FIGURES)
    assert (answer.status_code, answer.json()) == (200, EMPTY)
    assert int(answer.headers["Annals-Position"]) > 0


async def test_incidents_of_the_period_are_counted_by_severity_and_by_what_became_of_them(feed: FeedClient) -> None:
    hour = timedelta(hours=1)
    for severity, lasted in ((4, hour), (3, 3 * hour), (2, None), (2, None), (1, 2 * hour), (0, None)):
        await lasting(feed, timedelta(days=1), lasted, severity)
    assert await figures(feed) == {
        "totalIncidents": 6,
        "resolvedIncidents": 3,
        "mttr": 7200,
        "resolutionRate": 0.5,
        "bySeverity": {"critical": 1, "high": 1, "medium": 2, "low": 2},
    }


async def test_a_period_is_7_30_or_90_days_and_30_unless_asked_for(feed: FeedClient) -> None:
    for days in (1, 6.9, 7.1, 29.9, 30.1, 89.9, 90.1):
        await lasting(feed, timedelta(days=days))
    counted = {period: (await figures(feed, period))["totalIncidents"] for period in ("7d", "30d", "90d", "")}
    assert counted == {"7d": 2, "30d": 4, "90d": 6, "": 4}


async def test_the_period_ends_now_by_the_engines_clock(feed: FeedClient) -> None:
    await feed.opened(BREACH)
    await feed.ok("PATCH", "/time", {"timeDuration": "P8D"})
    await feed.opened(BREACH)
    assert (await figures(feed, "7d"))["totalIncidents"] == 1
    assert (await figures(feed, "30d"))["totalIncidents"] == 2


async def test_it_is_told_how_things_stand_by_now(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH, *WAYS["resolved"])
    assert (await figures(feed))["resolvedIncidents"] == 1
    await feed.happened(incident, IncidentClosed(Status.RESOLVED))
    assert (await figures(feed))["resolutionRate"] == 1
    await feed.happened(incident, IncidentReopened(Status.CLOSED))
    assert await figures(feed) == {**EMPTY, "totalIncidents": 1, "bySeverity": {**NONE, "critical": 1}}
    await feed.rated(incident, "info")
    assert (await figures(feed))["bySeverity"] == {**NONE, "low": 1}
    await feed.moved(incident, "closed")  # dismissed: it was never resolved in this cycle
    assert (await figures(feed))["resolvedIncidents"] == 0


async def test_an_incident_that_had_begun_before_it_was_opened_lasted_since_then(feed: FeedClient) -> None:
    incident = await lasting(feed, timedelta(hours=10))
    began = feed.node.commands.clock.now() - timedelta(hours=12)
    await feed.happened(incident, IncidentStartBackdated(began))
    await feed.happened(incident, RESOLVED, at=began + timedelta(hours=3))
    assert (await figures(feed))["mttr"] == pytest.approx(3 * 3600, abs=1)


async def test_incidents_of_processes_are_counted_too(feed: FeedClient) -> None:
    await feed.deploy()
    await feed.start()
    (job,) = await feed.lock()
    await feed.complete(job, error="no money")
    (incident,) = await feed.rows("incidents")
    await feed.ok("PATCH", f"{place('incidents', incident)}/resolve", {"workerId": "ada"})
    told = await figures(feed)
    assert (told["totalIncidents"], told["resolvedIncidents"]) == (1, 1)
    assert 0 <= told["mttr"] < 60


async def test_each_tenant_has_figures_of_its_own(feed: FeedClient) -> None:
    rival = await feed.tenant("rival")
    await feed.opened(BREACH)
    assert await figures(feed, Authorization=rival) == EMPTY


async def test_credential_then_plan_then_parameters_are_looked_at(feed: FeedClient) -> None:
    poor = await feed.tenant("poor", "pro")
    rich = await feed.tenant("rich")
    assert (await feed.error("GET", f"{FIGURES}?period=1d", Authorization="nobody"))[:2] == (401, "unauthorized")
    refused = await feed.error("GET", f"{FIGURES}?period=1d", Authorization=poor)
    assert refused == (403, "forbidden", "the plan of the tenant does not include analytics")
    for period in ("1d", "30", "30D", "", "30d&period=7d", "%00", "-7d"):
        status, code, message = await feed.error("GET", f"{FIGURES}?period={period}", Authorization=rich)
        assert (status, code, message[:7]) == (400, "validation_error", "period ")
    for role in ("viewer", "auditor", "worker"):
        key = await feed.key(role, "rich")
        assert await figures(feed, "90d", Authorization=key) == EMPTY


async def test_an_entitlement_of_its_own_will_do(feed: FeedClient) -> None:
    poor = await feed.tenant("poor", "free")
    await feed.ok("PATCH", "/admin/tenants/poor", {"entitlements": ["analytics"]})
    assert await figures(feed, Authorization=poor) == EMPTY
