"""Questions find their rows by an index, however long the history: the planner is asked about tables of some size."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from domain.bpmn.events import InstanceState
from domain.identity import InstanceId
from infra.embedded_postgres import EmbeddedPostgres
from projections.criteria import (
    ElementInstanceCriteria,
    IncidentCriteria,
    JobCriteria,
    MessageCriteria,
    MessageSubscriptionCriteria,
    Page,
    ProcessInstanceCriteria,
    SignalSubscriptionCriteria,
    TagFilter,
    UserTaskCriteria,
    VariableCriteria,
)
from projections.element_instances.queries import find_element_instances, find_scopes
from projections.incidents.queries import find_incidents
from projections.insight_heatmap.queries import heatmap
from projections.insight_incidents_graph.queries import incidents_graph
from projections.insight_incidents_table.queries import Ranks, incidents_table
from projections.insight_totals.queries import totals
from projections.jobs.queries import find_jobs
from projections.message_subscriptions.queries import find_message_subscriptions
from projections.messages.queries import find_messages
from projections.process_instances.queries import find_process_instances
from projections.signal_subscriptions.queries import find_signal_subscriptions
from projections.time_spans import Range
from projections.user_tasks.queries import find_user_tasks
from projections.variables.queries import find_values, find_variables, values_of
from tests.integration.explaining import Explaining
from tests.integration.projection_tables import Connection, empty_tables

TODAY = date(2026, 11, 20)
TOMORROW = date(2026, 11, 21)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
FIRST = Page(limit=20)

#: 40,000 of each thing on a day. Process 7, the tag, and open element instances are rare; an instance has 20 of each.
DAY = """
insert into process_instances
select 'alpha', '{day}', n, case when n % 20 = 0 then n - 1 else 0 end, case when n % 20 = 0 then n - 1 else n end,
       of_process(n), 'order', '1', '', '2026-11-20', 'ada',
       case when n % 8000 = 0 then '{"line": "red"}'::jsonb end, 'COMPLETED', '2026-11-20', '2026-11-20'
  from generate_series(1, 40000) as n;
insert into element_instances
select 'alpha', '{day}', n, case when n < 2000 then 0 else n % 2000 end, 1, of_process(n), n % 2000, 'work',
       '2026-11-20', 'ada', false, case when n % 8000 = 0 then 'STARTED' else 'COMPLETED' end, '2026-11-20',
       '2026-11-20'
  from generate_series(1, 40000) as n;
insert into element_instances_open
select tenant, partition, id from element_instances where partition = '{day}' and state = 'STARTED';
insert into jobs
select 'alpha', '{day}', n, 1, n, of_process(n), n % 2000, 'work', '', '2026-11-20', 'ada', '2026-11-20', 0,
       'EXECUTE', 'DONE', '2026-11-20', 'ada', '2026-11-20', ''
  from generate_series(1, 40000) as n;
insert into user_tasks
select 'alpha', '{day}', n, 1, n, of_process(n), n % 2000, 'review', '', '2026-11-20', 'ada', 1, 'COMPLETED',
       case when n % 8000 = 0 then '{"line": "red"}'::jsonb end, '2026-11-20', 'ada'
  from generate_series(1, 40000) as n;
insert into incidents
select '{day}' || n, 'alpha', '{day}', n, 1, n, n, of_process(n), n % 2000, 0, '2026-11-20', 'ada', null, ''
  from generate_series(1, 40000) as n;
insert into variables
select 'alpha', '{day}', n, 1, n, of_process(n), n % 2000, 'a', '2026-11-20', 'ada', 'json', false, '1',
       '', '2026-11-20', 'ada'
  from generate_series(1, 40000) as n;
"""

BEFORE = """
create function of_process(n integer) returns integer language sql as 'select case when n % 8000 = 7 then 7 else 1 end';
insert into element_instances_types values (1, 'SERVICE_TASK');
"""

#: 80,000 messages, few of which have not expired, and as many events that wait for one or for a signal.
MESSAGES = """
insert into messages
select 'alpha', n, 'name' || n % 1000, 'key', '', '2026-11-20', 'ada',
       case when n % 8000 = 1 then null when n % 8000 = 2 then '2026-11-22'::timestamptz else '2026-11-20' end,
       n % 8000 = 1
  from generate_series(1, 80000) as n;
insert into message_subscriptions
select 'alpha', n, '2026-11-20', 1, n, 1, n % 8000, 'wait', 'key' || n % 8000, '2026-11-20', 'ada', 'name' || n % 1000
  from generate_series(1, 80000) as n;
insert into signal_subscriptions
select 'alpha', n, '2026-11-20', 1, n, 1, n % 8000, 'wait', '2026-11-20', 'ada', 'name' || n % 1000
  from generate_series(1, 80000) as n;
"""

#: One start and one incident in each of 40,000 minutes of a month, so that there is a row of figures for each.
FIGURES = """
insert into insight_heatmap
select 1, 'work', 1000, 64000 * n::bigint, 1, 1, 0, 0, '{5}' from generate_series(1, 40000) as n;
insert into insight_heatmap
select 1, 'work', longer, begins / longer * longer, count(*), count(*), 0, 0, null
  from insight_heatmap, unnest('{60000,3600000,86400000}'::integer[]) as longer group by 3, 4;
insert into insight_heatmap_incidents
select 'I' || n, 1, 'work', 64000 * n::bigint + 5, 'active' from generate_series(1, 40000) as n;
insert into insight_totals select 1, 'incident', span, begins, active, moments from insight_heatmap;
insert into insight_totals
select 1, 'exception', span, begins, active, moments from insight_heatmap where begins / span % 10 = 0;
insert into insight_incidents_graph select 1, 'failedJob', span, begins, active, moments from insight_heatmap;
insert into insight_incidents_table_counts select 1, span, begins, active, moments from insight_heatmap;
insert into insight_incidents_table
select 'I' || n, 1, 64000 * n::bigint + 5, null, 'work', 'Work', '2026-11-20/' || n from generate_series(1, 40000) as n;
insert into insight_heatmap_processes values ('alpha', 'order', '1', 1);
insert into insight_totals_processes values ('alpha', 'order', '1', 1);
insert into insight_incidents_graph_processes values ('alpha', 'order', '1', 1);
insert into insight_incidents_table_processes values ('alpha', 'order', '1', 1);
"""


@pytest.fixture(scope="module")
async def history(postgres_server: EmbeddedPostgres) -> AsyncIterator[Connection]:
    """Fill tables with two days, of which the planner's statistics know the first: so it is every morning."""
    async with empty_tables(postgres_server.dsn("postgres")) as connection:
        await connection.execute(BEFORE + DAY.replace("{day}", str(TODAY)) + MESSAGES + FIGURES + "analyze;")
        await connection.execute(DAY.replace("{day}", str(TOMORROW)))
        yield connection


@pytest.fixture(params=["auto", "force_generic_plan"])
async def explaining(history: Connection, request: pytest.FixtureRequest) -> Explaining:
    """Return a connection that plans for the arguments at hand, and one that has stopped to."""
    await history.execute(f"set plan_cache_mode = {request.param}")
    return Explaining(history)


@pytest.mark.parametrize(
    "criteria",
    [
        ElementInstanceCriteria(),
        ElementInstanceCriteria(process_instance_id=7),
        ElementInstanceCriteria(process_id=7),
        ElementInstanceCriteria(states=(InstanceState.STARTED, InstanceState.SUSPENDED)),
        *(
            criteria
            for day in (TODAY, TOMORROW)
            for criteria in (
                ElementInstanceCriteria(partition=day, id=7),
                ElementInstanceCriteria(partition=day, process_instance_id=7, bpmn_element_id="work"),
                ElementInstanceCriteria(partition=day, process_id=7),
                ElementInstanceCriteria(partition=day, parent_id=7),
                ElementInstanceCriteria(partition=day, states=(InstanceState.STARTED,)),
            )
        ),
    ],
    ids=repr,
)
async def test_element_instances_are_found_by_an_index(
    explaining: Explaining, criteria: ElementInstanceCriteria
) -> None:
    assert await find_element_instances(explaining, "alpha", criteria, FIRST)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize(
    "criteria",
    [
        JobCriteria(),
        JobCriteria(process_instance_id=7),
        JobCriteria(element_instance_id=7),
        JobCriteria(process_id=7),
        *(
            criteria
            for day in (TODAY, TOMORROW)
            for criteria in (
                JobCriteria(partition=day, id=7),
                JobCriteria(partition=day, process_instance_id=7),
                JobCriteria(partition=day, element_instance_id=7),
                JobCriteria(partition=day, process_id=7),
            )
        ),
    ],
    ids=repr,
)
async def test_jobs_are_found_by_an_index(explaining: Explaining, criteria: JobCriteria) -> None:
    assert await find_jobs(explaining, "alpha", criteria, FIRST, NOW)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize(
    "criteria",
    [
        ProcessInstanceCriteria(),
        ProcessInstanceCriteria(partition=TODAY, id=7),
        ProcessInstanceCriteria(partition=TOMORROW, id=7),
        ProcessInstanceCriteria(partition=TOMORROW, process_id=7),
        ProcessInstanceCriteria(process_id=7),
        ProcessInstanceCriteria(root_id=39),
        ProcessInstanceCriteria(partition=TODAY, root_id=39),
        ProcessInstanceCriteria(partition=TOMORROW, root_id=39),
        ProcessInstanceCriteria(parent_id=39),
        ProcessInstanceCriteria(partition=TOMORROW, parent_id=39),
        ProcessInstanceCriteria(tags=(TagFilter("line", "red"),)),
        ProcessInstanceCriteria(tags=(TagFilter("line"),)),
    ],
    ids=repr,
)
async def test_process_instances_are_found_by_an_index(
    explaining: Explaining, criteria: ProcessInstanceCriteria
) -> None:
    assert await find_process_instances(explaining, "alpha", criteria, FIRST)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize(
    "criteria",
    [
        UserTaskCriteria(),
        UserTaskCriteria(tags=(TagFilter("line", "red"),)),
        *(
            criteria
            for day in (TODAY, TOMORROW)
            for criteria in (
                UserTaskCriteria(partition=day, id=7),
                UserTaskCriteria(partition=day, process_instance_id=7),
                UserTaskCriteria(partition=day, element_instance_id=7),
                UserTaskCriteria(partition=day, process_id=7),
            )
        ),
    ],
    ids=repr,
)
async def test_user_tasks_are_found_by_an_index(explaining: Explaining, criteria: UserTaskCriteria) -> None:
    assert await find_user_tasks(explaining, "alpha", criteria, FIRST)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize(
    "criteria",
    [
        MessageCriteria(),
        MessageCriteria(id=7),
        MessageCriteria(name="name7"),
        MessageCriteria(exclude_expired=True),
        MessageCriteria(exclude_expired=True, name="name1"),
    ],
    ids=repr,
)
async def test_messages_are_found_by_an_index(explaining: Explaining, criteria: MessageCriteria) -> None:
    assert await find_messages(explaining, "alpha", criteria, FIRST, NOW)
    assert explaining.looked_at_few_pages, explaining.pages


async def test_who_waits_for_a_message_or_a_signal_is_found_by_an_index(explaining: Explaining) -> None:
    for day in (None, TODAY):
        for message in (
            MessageSubscriptionCriteria(day, process_instance_id=7),
            MessageSubscriptionCriteria(day, name="name7"),
            MessageSubscriptionCriteria(day, correlation_key="key7"),
            MessageSubscriptionCriteria(day, name="name7", correlation_key="key7"),
        ):
            assert await find_message_subscriptions(explaining, "alpha", message, FIRST)
        for signal in (
            SignalSubscriptionCriteria(day, process_instance_id=7),
            SignalSubscriptionCriteria(day, name="name7"),
        ):
            assert await find_signal_subscriptions(explaining, "alpha", signal, FIRST)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("day", [None, TODAY, TOMORROW])
async def test_incidents_and_variables_are_found_by_an_index(explaining: Explaining, day: date | None) -> None:
    for incident in (IncidentCriteria(day, job_id=7), IncidentCriteria(day, process_instance_id=7)):
        assert await find_incidents(explaining, "alpha", incident, FIRST)
    for variable in (VariableCriteria(day, process_instance_id=7), VariableCriteria(day, element_instance_id=7)):
        assert await find_variables(explaining, "alpha", variable, FIRST)
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("day", [TODAY, TOMORROW])
async def test_scopes_and_their_values_are_found_by_an_index(explaining: Explaining, day: date) -> None:
    assert await find_scopes(explaining, "alpha", day, 7)
    assert await find_values(explaining, "alpha", InstanceId(day, 7), [7, 2007])
    assert await values_of(explaining, "alpha", InstanceId(day, 7))
    assert explaining.looked_at_few_pages, explaining.pages


@pytest.mark.parametrize("asked", [Range(), Range(128_005, 128_006), Range(1_234, 2_498_765_432)], ids=repr)
async def test_figures_are_added_up_from_an_index(explaining: Explaining, asked: Range) -> None:
    version = ("alpha", "order", "1")
    for ranks in (Ranks(0, 10), Ranks(20, 30), Ranks(30_000, 30_010)):
        await incidents_table(explaining, *version, asked, ranks)
    for view in (heatmap, incidents_graph, totals):
        await view(explaining, *version, asked)
    assert explaining.looked_at_few_pages, explaining.pages
