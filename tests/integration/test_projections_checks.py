"""Checks are listed as their facts tell, told anew from the facts by a reading of its own."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import asdict

from domain.event import Recorded
from domain.identity import check_of, incident_of, incident_stream
from domain.incidents.events import (
    IncidentCanceled,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
)
from domain.incidents.status import Status
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckDeleted,
    CheckPaused,
    CheckResultsReported,
    CheckResumed,
)
from projections.checks.projector import READ_MODEL
from projections.checks.queries import (
    ListedCheck,
    ProbedCheck,
    count_checks,
    find_check,
    find_checks,
    list_checks,
    news_of_checks,
)
from tests.integration.explaining import Explaining
from tests.integration.projection_checks import CheckHistory
from tests.integration.projection_incidents import work_on_incident
from tests.integration.projection_runs import TENANTS, Chronicle
from tests.integration.projection_tables import Untouched, batches, empty_tables, fill

SEEDS = (1, 2, 3)

#: Some of 20,000 checks have an incident, the newest has had 20,000 of them.
MANY = """
insert into checks
select 'C' || n, case when n % 2 = 0 then 'alpha' else 'beta' end,
       '{"name": "Shop", "type": "http", "target_url": "h"}',
       false, '2026-11-20T00:00Z'::timestamptz + n * interval '1 second', '2026-11-20', n * 2, '2026-11-21'
  from generate_series(1, 20000) as n;
insert into checks_deleted select n * 2 + 1, 'D' || n from generate_series(1, 20000) as n;
insert into checks_incidents select 'I' || n, 'C' || n, 'down', n % 10 = 0 from generate_series(1, 19999) as n;
insert into checks_incidents select 'J' || n, 'C20000', 'slow', n = 9999 from generate_series(1, 20000) as n;
"""


def history(seed: int) -> list[Recorded]:
    return CheckHistory(seed, 600, (work_on_incident,) * 6).facts


class Recount:
    """What is known of each check after all facts, one fact at a time."""

    def __init__(self, facts: list[Recorded]) -> None:
        self.checks: dict[str, dict[str, Any]] = {}
        self.incidents: dict[str, tuple[str, str, bool]] = {}
        for fact in facts:
            if fact.stream.startswith("check-"):
                self._check(check_of(fact.stream), fact)
            else:
                self._incident(incident_of(fact.stream), fact.event)

    def _check(self, check: str, fact: Recorded) -> None:
        event, at = fact.event, fact.happened_at
        if isinstance(event, CheckCreated):
            self.checks[check] = {
                **asdict(event.settings),
                "tenant": fact.tenant,
                "paused": False,
                "created_at": at,
                "updated_at": at,
                "checked_at": None,
            }
        elif isinstance(event, CheckChanged):
            self.checks[check].update(event.changes, updated_at=at)
        elif isinstance(event, CheckPaused | CheckResumed):
            self.checks[check].update(paused=isinstance(event, CheckPaused), updated_at=at)
        elif isinstance(event, CheckResultsReported):
            for result in event.results:
                known: datetime | None = self.checks[check]["checked_at"]
                if known is None or result.observed_at > known:
                    self.checks[check]["checked_at"] = result.observed_at
        elif isinstance(event, CheckDeleted):
            del self.checks[check]

    def _incident(self, incident: str, event: Any) -> None:
        if isinstance(event, IncidentOpened):
            cause = event.monitor
            assert cause is not None
            self.incidents[incident] = (cause.check_id, cause.kind, True)
        elif isinstance(event, IncidentResolved | IncidentClosed | IncidentReopened):
            check, kind, _ = self.incidents[incident]
            self.incidents[incident] = (check, kind, isinstance(event, IncidentReopened))

    def status(self, check: str) -> str:
        if self.checks[check]["paused"]:
            return "paused"
        kinds = {kind for of, kind, unresolved in self.incidents.values() if of == check and unresolved}
        return "down" if "down" in kinds else "degraded" if "slow" in kinds else "up"

    def of(self, tenant: str) -> list[dict[str, Any]]:
        """Return the checks of a tenant, the newest first."""
        rows = [
            {**known, "check_id": check, "status": self.status(check)}
            for check, known in self.checks.items()
            if known["tenant"] == tenant
        ]
        return sorted(rows, key=lambda row: (row["created_at"], row["check_id"]), reverse=True)


def told(check: ListedCheck, tenant: str) -> dict[str, Any]:
    """Return a row in the form of the recount."""
    return {
        **asdict(check.settings),
        "tenant": tenant,
        "paused": check.status == "paused",
        "created_at": check.created_at,
        "updated_at": check.updated_at,
        "checked_at": check.checked_at,
        "check_id": check.check_id,
        "status": check.status,
    }


async def test_a_page_and_a_check_are_read_from_indexes_however_many_there_are(database: str) -> None:
    async with empty_tables(database, [READ_MODEL]) as connection:
        await connection.execute(MANY)
        await connection.execute("vacuum analyze checks")
        await connection.execute("vacuum analyze checks_deleted")
        await connection.execute("vacuum analyze checks_incidents")
        explaining = Explaining(connection)
        newest, *_ = await list_checks(explaining, "alpha", limit=20, offset=0)
        assert newest.status == "degraded"
        assert await find_check(explaining, "alpha", "C10") is not None
        await find_checks(explaining, "alpha", [f"C{number}" for number in range(1, 21)])
        news = await news_of_checks(explaining, "eu", ("http",), after=39_990, limit=10)
        assert [found.position for found in news] == list(range(39_991, 40_001))
        assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("seed", SEEDS)
async def test_checks_are_what_their_facts_tell_however_the_facts_are_parted(database: str, seed: int) -> None:
    facts = history(seed)
    recount = Recount(facts)
    statuses = {recount.status(check) for check in recount.checks}
    assert statuses == {"up", "down", "degraded", "paused"}, "else little is compared"
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, batches(facts, 40, seed=seed), [READ_MODEL])
        for tenant in TENANTS:
            listed = await list_checks(connection, tenant, limit=1_000, offset=0)
            assert [told(check, tenant) for check in listed] == recount.of(tenant)
            assert await count_checks(connection, tenant) == len(listed)


async def test_pages_follow_each_other(database: str) -> None:
    facts = history(1)
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, [facts], [READ_MODEL])
        everything = await list_checks(connection, "alpha", limit=1_000, offset=0)
        pages = [
            await list_checks(connection, "alpha", limit=7, offset=offset) for offset in range(0, len(everything), 7)
        ]
        assert [check for page in pages for check in page] == everything
        assert len(everything) > 14


async def test_some_checks_are_found_in_the_order_asked_for_without_those_of_others(database: str) -> None:
    async with empty_tables(database, [READ_MODEL]) as connection:
        await fill(connection, [history(2)], [READ_MODEL])
        ours = await list_checks(connection, "alpha", limit=3, offset=0)
        (theirs,) = await list_checks(connection, "beta", limit=1, offset=0)
        asked = [ours[1].check_id, theirs.check_id, "nothing", ours[0].check_id, ours[1].check_id]
        assert await find_checks(connection, "alpha", asked) == [ours[1], ours[0]]
        assert await find_check(connection, "alpha", theirs.check_id) is None
        assert await find_check(connection, "beta", theirs.check_id) == theirs


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_prober_that_hears_what_is_new_knows_what_to_probe(database: str, seed: int) -> None:
    facts = history(seed)
    known: dict[str, ProbedCheck] = {}
    position = heard = 0
    async with empty_tables(database, [READ_MODEL]) as connection:
        for batch in batches(facts, 40, seed=seed):
            await fill(connection, [batch], [READ_MODEL])
            while news := await news_of_checks(connection, "us-east", ("http",), after=position, limit=7):
                for one in news:
                    if one.probed is not None:
                        known[one.check_id] = one.probed
                    else:
                        known.pop(one.check_id, None)
                heard += len(news)
                position = news[-1].position
    assert {check: asdict(probed.settings) for check, probed in known.items()} == probed_from(facts, "us-east")
    assert known, "else nothing is compared"
    assert heard < sum(not isinstance(fact.event, CheckResultsReported) for fact in facts)


def probed_from(facts: list[Recorded], region: str) -> dict[str, dict[str, Any]]:
    """Return what is to be probed over HTTP after all facts."""
    beside = ("tenant", "paused", "created_at", "updated_at", "checked_at")
    return {
        check: {name: value for name, value in known.items() if name not in beside}
        for check, known in Recount(facts).checks.items()
        if known["type"] == "http" and not known["paused"] and (not known["regions"] or region in known["regions"])
    }


async def test_the_ends_of_incidents_of_processes_are_no_work() -> None:
    """There may be many of them, and none is a check's: not a statement is worth it."""
    ends = (
        IncidentResolved("retry", Status.OPEN),
        IncidentClosed(Status.RESOLVED),
        IncidentCanceled(Status.OPEN),
    )
    log = Chronicle(1)
    for number, end in enumerate(ends):
        log.record(incident_stream(f"P{number:025d}"), "alpha", end)
    await READ_MODEL.project(log.facts, Untouched())
