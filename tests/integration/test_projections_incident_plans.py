"""Pages of incidents, their counts and figures are read from an index, however many incidents there are beside them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.incidents.status import Status
from infra.embedded_postgres import EmbeddedPostgres
from projections.incident_analytics.projector import READ_MODEL as ANALYTICS
from projections.incident_analytics.queries import incident_figures
from projections.incident_list.projector import READ_MODEL as LIST
from projections.incident_list.queries import (
    Filter,
    Sort,
    count_incidents,
    find_incident,
    incidents_by_cursor,
    incidents_by_offset,
)
from projections.incident_timeline.projector import READ_MODEL as TIMELINE
from projections.incident_timeline.queries import count_timeline, timeline, work_on
from tests.integration.explaining import Explaining
from tests.integration.projection_tables import Connection, empty_tables

MODELS = (LIST, TIMELINE, ANALYTICS)
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
LAST = BEGIN + timedelta(minutes=80_000)

#: An incident a minute; few are not closed, few are critical, a fifth are of one check and a fifth of one rule.
INCIDENTS = """
insert into incident_list (incident, tenant, status, severity, title, error_message, source, opened_by, created_at,
                           updated_at, started_at, failure_count, affected_regions, affected_monitors,
                           status_page_update, check_id, rule_id)
select 'I' || n, 'alpha', case when n % 8000 = 7 then 'open' when n % 2 = 0 then 'resolved' else 'closed' end,
       case when n % 8000 = 8 then 4 else n % 3 end, 'It failed', repeat('x', 200), 'process', 'ada', minute, minute,
       minute, 1, '{}', '{}', '', case when n % 5 = 2 then 'c-1' end, case when n % 5 = 3 then 'r-1' end
  from (select n, '2026-11-20T00:00Z'::timestamptz + n * interval '1 minute' as minute
          from generate_series({first}, {last}) as n) as numbered;
insert into incident_timeline
select 'I7', n, 'alpha', n, case when n % 8000 = 7 then 'incident.note_added' else 'incident.recurred' end,
       '2026-11-20', 'user', 'mara', '', null, null, '', null, null, n % 8000 = 7
  from generate_series({first}, {last}) as n;
insert into incident_analytics_incidents
select incident, tenant, severity, extract(epoch from created_at) * 1000, extract(epoch from created_at) * 1000,
       extract(epoch from created_at) * 1000 + 5
  from incident_list where created_at > '2026-11-20T00:00Z'::timestamptz + {first} * interval '1 minute';
"""

COUNTS = """
insert into incident_list_counts select tenant, '', status, severity, count(*) from incident_list group by 1, 2, 3, 4;
insert into incident_list_counts
select tenant, 'check c-1', status, severity, count(*) from incident_list where check_id = 'c-1' group by 1, 2, 3, 4;
insert into incident_list_counts
select tenant, 'rule r-1', status, severity, count(*) from incident_list where rule_id = 'r-1' group by 1, 2, 3, 4;
insert into incident_analytics
select tenant, severity, span, created_at / span * span, count(*), count(*), 5 * count(*)
  from incident_analytics_incidents, unnest('{1000,60000,3600000,86400000}'::integer[]) as span group by 1, 2, 3, 4
 order by 4;
"""

FILTERS = (
    Filter(),
    Filter(statuses=(Status.OPEN,)),
    Filter(statuses=(Status.CLOSED, Status.CANCELED)),
    Filter(statuses=tuple(Status), ranks=(0, 1)),
    Filter(ranks=(4,)),
    Filter(ranks=(0, 1)),
    Filter(statuses=(Status.OPEN, Status.TRIAGING), ranks=(2, 3)),
    Filter(check_id="c-1"),
    Filter(check_id="c-1", statuses=(Status.OPEN,)),
    Filter(rule_id="r-1", statuses=(Status.OPEN, Status.CLOSED), ranks=(2,)),
    Filter(updated_after=LAST - timedelta(minutes=30)),
    Filter(updated_after=LAST - timedelta(minutes=30), statuses=(Status.CLOSED,)),
    Filter(updated_after=LAST),
    Filter(updated_after=BEGIN),
)


@pytest.fixture(scope="module")
async def history(postgres_server: EmbeddedPostgres) -> AsyncIterator[Connection]:
    """Fill tables of which the planner's statistics know the first half."""
    async with empty_tables(postgres_server.dsn("postgres"), MODELS) as connection:
        first, last = ("1", "40000"), ("40001", "80000")
        await connection.execute(INCIDENTS.replace("{first}", first[0]).replace("{last}", first[1]))
        await connection.execute("analyze")
        await connection.execute(INCIDENTS.replace("{first}", last[0]).replace("{last}", last[1]) + COUNTS)
        yield connection


@pytest.fixture(params=["auto", "force_generic_plan"])
async def explaining(history: Connection, request: pytest.FixtureRequest) -> Explaining:
    """Return a connection that plans for the arguments at hand, and one that has stopped to."""
    await history.execute(f"set plan_cache_mode = {request.param}")
    return Explaining(history)


@pytest.mark.parametrize("wanted", FILTERS, ids=repr)
async def test_a_page_at_any_depth_is_found_by_an_index(explaining: Explaining, wanted: Filter) -> None:
    for descending in (True, False):
        for minute in (0, 40_000, 79_990):
            after = (BEGIN + timedelta(minutes=minute), "I")
            await incidents_by_cursor(explaining, "alpha", wanted, descending=descending, limit=20, after=after)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("wanted", FILTERS, ids=repr)
async def test_a_first_page_is_found_by_an_index(explaining: Explaining, wanted: Filter, sort: Sort) -> None:
    for descending in (True, False):
        await incidents_by_offset(explaining, "alpha", wanted, sort=sort, descending=descending, limit=10, offset=10)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("sort", ["severity", "status", "started_at"])
@pytest.mark.parametrize("wanted", [wanted for wanted in FILTERS if wanted.is_of_all], ids=repr)
async def test_a_first_page_in_another_order_is_as_well(explaining: Explaining, wanted: Filter, sort: Sort) -> None:
    for descending in (True, False):
        await incidents_by_offset(explaining, "alpha", wanted, sort=sort, descending=descending, limit=10, offset=10)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("wanted", FILTERS, ids=repr)
async def test_incidents_are_counted_without_looking_at_them(explaining: Explaining, wanted: Filter) -> None:
    await count_incidents(explaining, "alpha", wanted)
    assert explaining.looked_at_few_pages, explaining.pages


async def test_one_incident_and_what_happened_to_it_are_found_by_an_index(explaining: Explaining) -> None:
    assert await find_incident(explaining, "alpha", "I7")
    assert await timeline(explaining, "alpha", "I7", limit=20, offset=70_000)
    assert await count_timeline(explaining, "alpha", "I7") == 80_000
    assert len((await work_on(explaining, "alpha", ["I7", *(f"I{n}" for n in range(100, 150))], 1000))["I7"]) == 10
    assert explaining.looked_at_few_pages, explaining.pages


async def test_figures_are_added_up_from_an_index(explaining: Explaining) -> None:
    for days in (1, 7, 30, 90):
        figures = await incident_figures(explaining, "alpha", LAST - timedelta(days=days, milliseconds=7), LAST)
        assert figures.total_incidents
    assert explaining.looked_at_few_pages, explaining.pages
