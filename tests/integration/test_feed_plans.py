"""A page of the feed or the audit looks at its stretch of the log alone, whatever the filters: the planner is asked."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.event_types import WantedTypes, wanted_types
from infra.audit.trail import Asked, Trail
from infra.event_feed.pages import Bounds, Pages, Wanted
from tests.integration.explaining import Explaining

#: 60,000 facts, each second one of one stream; an incident in 20,000. The whole log is 1,700 pages and more.
LOG = """
insert into log.events (notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
                        happened_at, recorded_at, correlation_id)
select n, case when n % 2 = 0 then 'alert-a' else 'alert-' || n end, case when n % 2 = 0 then n / 2 else 1 end,
       case when n % 20000 = 2 then 'incident.canceled.v1' else 'alert.raised.v1' end,
       convert_to('{"incident":"' || n || '"}', 'UTF8'), 'alpha', 'system', 'system', now(), now(), n
  from generate_series(1, 60000) as n;
insert into log.streams select originator_id, max(originator_version) from log.events group by 1;
update log.head set position = 60000;
"""
HEAD = 60_000
BOUNDS = Bounds(facts=100, read=1_000)
FEW = BOUNDS._replace(facts=3)  # for the cause of each there are look-ups

FILTERS = [
    WantedTypes(),
    wanted_types(["incident.canceled.v1"]),
    wanted_types(["incident.*"]),
    wanted_types(["incident.*", "job.*", "key.issued.v1"]),
    wanted_types(["alert.*"]),
]


@pytest.fixture(scope="module")
async def log(shared_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(shared_database)
    try:
        await connection.execute(LOG)
        await connection.execute("vacuum analyze log.events, log.streams")
        yield connection
    finally:
        await connection.close()


@pytest.fixture(params=["auto", "force_generic_plan"])
async def explaining(log: asyncpg.Connection, request: pytest.FixtureRequest) -> Explaining:
    """Return a connection that plans for the arguments at hand, and one that has stopped to."""
    await log.execute(f"set plan_cache_mode = {request.param}")
    return Explaining(log)


@pytest.mark.parametrize("types", FILTERS)
@pytest.mark.parametrize("stream", [None, "alert-a", "alert-55001"])
@pytest.mark.parametrize("after", [0, 30_000, HEAD - 10])
async def test_a_page_looks_at_few_pages_of_the_table(
    explaining: Explaining, types: WantedTypes, stream: str | None, after: int
) -> None:
    await Pages(explaining).page(Wanted("alpha", types, stream), after, BOUNDS)
    await Trail(explaining).page(Asked(tenant="alpha", types=types, stream=stream), after, FEW)
    assert explaining.looked_at_few_pages, explaining.pages


async def test_a_filter_by_first_parts_finds_what_it_names(log: asyncpg.Connection) -> None:
    page = await Pages(log).page(Wanted("alpha", wanted_types(["incident.*"])), 20_000, Bounds())
    assert [entry.position for entry in page.entries] == [20_002]
    trail = await Trail(log).page(Asked(tenant="alpha", types=wanted_types(["incident.*"])), 20_000, Bounds())
    assert [deed.fact.position for deed in trail.deeds] == [20_002]
