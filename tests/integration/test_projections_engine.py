"""The engine's lists are what a reader of the facts would write down by hand, narrowed to what is asked for."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from domain.bpmn.events import InstanceState, VariableDeleted, VariableSet
from domain.event import Actor, Event, Recorded
from domain.identity import InstanceId
from infra.embedded_postgres import EmbeddedPostgres
from projections.criteria import (
    ElementCriteria,
    ElementInstanceCriteria,
    IncidentCriteria,
    JobCriteria,
    MessageCriteria,
    MessageSubscriptionCriteria,
    Page,
    ProcessCriteria,
    ProcessInstanceCriteria,
    SignalSubscriptionCriteria,
    TagFilter,
    TaskCriteria,
    UserTaskCriteria,
    VariableCriteria,
)
from projections.database import Database
from projections.element_instances.queries import Scope, find_element_instances, find_scopes
from projections.elements.queries import find_elements
from projections.incidents.queries import find_incidents
from projections.jobs.queries import find_jobs
from projections.message_subscriptions.queries import find_message_subscriptions
from projections.messages.queries import find_messages
from projections.process_instances.queries import find_process_instances
from projections.processes.queries import find_processes, find_xml
from projections.signal_subscriptions.queries import find_signal_subscriptions
from projections.tasks.queries import find_tasks
from projections.user_tasks.queries import find_user_tasks
from projections.variables.queries import find_values, find_variables, values_of
from tests.integration.projection_histories import History
from tests.integration.projection_ledger import Ledger, Row, day, due_at
from tests.integration.projection_runs import TENANTS
from tests.integration.projection_tables import Connection, batches, empty_tables, fill

SEEDS = (1, 2, 3)
EVERYTHING = Page(limit=10_000)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Finder = Callable[[Database, str, Any, Page], Awaitable[Sequence[msgspec.Struct]]]


class List(NamedTuple):
    """A list of the engine: how it is asked for, where the ledger has it, and by which members alone it is narrowed."""

    find: Finder
    criteria: type[msgspec.Struct]
    rows: Callable[[Ledger], Iterable[Row]]
    members: Sequence[str]


async def _jobs(db: Database, tenant: str, criteria: JobCriteria, page: Page) -> Sequence[msgspec.Struct]:
    return await find_jobs(db, tenant, criteria, page, LONG_AGO)


async def _tasks(db: Database, tenant: str, criteria: TaskCriteria, page: Page) -> Sequence[msgspec.Struct]:
    return await find_tasks(db, tenant, criteria, page, LONG_AGO)


async def _messages(db: Database, tenant: str, criteria: MessageCriteria, page: Page) -> Sequence[msgspec.Struct]:
    return await find_messages(db, tenant, criteria, page, LONG_AGO)


WHERE = ("partition", "id", "elementId", "elementInstanceId", "processId", "processInstanceId")

LISTS = {
    "processes": List(find_processes, ProcessCriteria, lambda ledger: ledger.processes, ("id",)),
    "elements": List(find_elements, ElementCriteria, lambda ledger: ledger.elements, ("processId", "bpmnElementId")),
    "process instances": List(
        find_process_instances,
        ProcessInstanceCriteria,
        lambda ledger: ledger.instances.values(),
        ("partition", "id", "parentId", "processId"),
    ),
    "element instances": List(
        find_element_instances,
        ElementInstanceCriteria,
        lambda ledger: ledger.element_instances.values(),
        ("partition", "id", "parentId", "processId", "processInstanceId", "bpmnElementId"),
    ),
    "jobs": List(_jobs, JobCriteria, lambda ledger: ledger.jobs.values(), WHERE),
    "tasks": List(_tasks, TaskCriteria, lambda ledger: ledger.tasks.values(), (*WHERE, "type")),
    "incidents": List(
        find_incidents,
        IncidentCriteria,
        lambda ledger: ledger.incidents.values(),
        ("partition", "id", "jobId", "processInstanceId", "taskId"),
    ),
    "variables": List(
        find_variables,
        VariableCriteria,
        lambda ledger: ledger.variables.values(),
        ("partition", "elementInstanceId", "processInstanceId"),
    ),
    "user tasks": List(
        find_user_tasks,
        UserTaskCriteria,
        lambda ledger: ledger.user_tasks.values(),
        ("partition", "id", "elementInstanceId", "processId", "processInstanceId"),
    ),
    "messages": List(_messages, MessageCriteria, lambda ledger: ledger.messages.values(), ("id", "name")),
    "message subscriptions": List(
        find_message_subscriptions,
        MessageSubscriptionCriteria,
        lambda ledger: ledger.message_subscriptions.values(),
        ("partition", "processInstanceId", "correlationKey", "name"),
    ),
    "signal subscriptions": List(
        find_signal_subscriptions,
        SignalSubscriptionCriteria,
        lambda ledger: ledger.signal_subscriptions.values(),
        ("partition", "processInstanceId", "name"),
    ),
}

each_list = pytest.mark.parametrize("asked", LISTS.values(), ids=list(LISTS))


class Stage(NamedTuple):
    """A filled database, and what should be in it."""

    connection: Connection
    ledger: Ledger


@pytest.fixture(scope="module", params=SEEDS)
async def stage(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Fill the tables once for all tests: none of them changes anything."""
    facts = History(request.param).facts
    async with empty_tables(postgres_server.dsn("postgres")) as connection:
        await fill(connection, batches(facts, 40, seed=request.param))
        yield Stage(connection, Ledger(facts))


def as_clients_see(rows: Iterable[msgspec.Struct]) -> list[Row]:
    answer: list[Row] = msgspec.json.decode(msgspec.json.encode(list(rows)))
    return answer


@each_list
async def test_a_list_shows_all_rows_of_its_tenant_in_order(stage: Stage, asked: List) -> None:
    for tenant in TENANTS:
        expected = stage.ledger.list_of(asked.rows(stage.ledger), tenant)
        assert expected
        assert as_clients_see(await asked.find(stage.connection, tenant, asked.criteria(), EVERYTHING)) == expected


@each_list
async def test_each_criterion_and_several_together_narrow_a_list(stage: Stage, asked: List) -> None:
    chance = random.Random(11)
    rows = list(asked.rows(stage.ledger))
    for _ in range(25):
        row = chance.choice(rows)
        given = [member for member in asked.members if row.get(member)]
        wanted = {member: row[member] for member in chance.sample(given, chance.randint(1, len(given)))}
        tenant = chance.choice(TENANTS)
        criteria = msgspec.convert(wanted, asked.criteria)
        found = as_clients_see(await asked.find(stage.connection, tenant, criteria, EVERYTHING))
        assert found == stage.ledger.list_of(rows, tenant, **wanted), wanted


@each_list
async def test_a_page_is_a_part_of_the_whole_list(stage: Stage, asked: List) -> None:
    whole = await asked.find(stage.connection, "alpha", asked.criteria(), EVERYTHING)
    page = await asked.find(stage.connection, "alpha", asked.criteria(), Page(limit=3, offset=2))
    assert list(page) == list(whole)[2:5]


async def test_element_instances_are_found_by_their_states(stage: Stage) -> None:
    rows = stage.ledger.element_instances.values()
    live, ended = ("STARTED", "SUSPENDED", "CREATED", "QUEUED"), ("COMPLETED", "TERMINATED")
    for names in (live, ended, *((name,) for name in live), ended[1:], (live[0], ended[0])):
        criteria = ElementInstanceCriteria(states=tuple(map(InstanceState, names)))
        found = as_clients_see(await find_element_instances(stage.connection, "beta", criteria, EVERYTHING))
        assert found == stage.ledger.list_of([row for row in rows if row["state"] in names], "beta")


async def test_tags_are_found_by_name_or_by_name_and_value_and_all_have_to_be_there(stage: Stage) -> None:
    for wanted in ({"line": ""}, {"line": "red"}, {"line": "", "urgent": "yes"}, {"line": "red", "urgent": ""}):
        filters = tuple(TagFilter(name, value) for name, value in wanted.items())
        for tenant in TENANTS:
            instances = as_clients_see(
                await find_process_instances(
                    stage.connection, tenant, ProcessInstanceCriteria(tags=filters), EVERYTHING
                )
            )
            processes = as_clients_see(
                await find_processes(stage.connection, tenant, ProcessCriteria(tags=filters), EVERYTHING)
            )
            assert instances == stage.ledger.list_of(_tagged(stage.ledger.instances.values(), wanted), tenant)
            assert processes == stage.ledger.list_of(_tagged(stage.ledger.processes, wanted), tenant)
            user_tasks = as_clients_see(
                await find_user_tasks(stage.connection, tenant, UserTaskCriteria(tags=filters), EVERYTHING)
            )
            assert user_tasks == stage.ledger.list_of(_tagged(stage.ledger.user_tasks.values(), wanted), tenant)


def _tagged(rows: Iterable[Row], wanted: dict[str, str]) -> list[Row]:
    def matches(row: Row) -> bool:
        has = {tag["name"]: tag["value"] for tag in row["tags"]}
        return all(name in has and value in ("", has[name]) for name, value in wanted.items())

    return [row for row in rows if matches(row)]


async def test_a_root_is_found_with_all_instances_below_it(stage: Stage) -> None:
    rows = stage.ledger.instances.values()
    roots = [row for row in rows if not row["rootId"]]
    assert any(row["rootId"] != row["parentId"] for row in rows), "one was called by an instance that was called"
    for root in roots:
        partition = day(root["partition"])
        family = [row for row in rows if row["partition"] == root["partition"]]
        family = [row for row in family if root["id"] in (row["id"], row["rootId"])]
        for tenant in TENANTS:
            criteria = ProcessInstanceCriteria(partition=partition, root_id=root["id"])
            found = as_clients_see(await find_process_instances(stage.connection, tenant, criteria, EVERYTHING))
            assert found == stage.ledger.list_of(family, tenant)


async def test_an_instance_is_found_by_its_root_on_any_day(stage: Stage) -> None:
    child = next(row for row in stage.ledger.instances.values() if row["rootId"])
    tenant, root = child["tenant"], child["rootId"]
    found = await find_process_instances(stage.connection, tenant, ProcessInstanceCriteria(root_id=root), EVERYTHING)
    rows = stage.ledger.instances.values()
    family = [row for row in rows if row["rootId"] == root or (row["id"] == root and not row["rootId"])]
    assert as_clients_see(found) == stage.ledger.list_of(family, tenant)


async def test_messages_are_found_until_they_expire_and_while_they_are_correlated(stage: Stage) -> None:
    rows = stage.ledger.messages.values()
    moments = sorted({row["_expires"] for row in rows if row["_expires"]})
    assert any(row["correlated"] and row["_expires"] is None for row in rows)
    for now in (*moments[::5], moments[0] - timedelta(milliseconds=1), moments[-1]):
        fresh = [row for row in rows if row["_expires"] is None or row["_expires"] > now]
        for tenant in TENANTS:
            for name in ("", "paid"):
                criteria = MessageCriteria(exclude_expired=True, name=name)
                found = as_clients_see(await find_messages(stage.connection, tenant, criteria, EVERYTHING, now))
                assert found == stage.ledger.list_of([row for row in fresh if name in ("", row["name"])], tenant)


async def test_work_that_waits_is_due_from_its_time_on(stage: Stage) -> None:
    ledger = stage.ledger
    waiting = [row for row in (*ledger.jobs.values(), *ledger.tasks.values()) if row["state"] == "CREATED"]
    for due in sorted({row["_due"] for row in waiting})[::5]:
        for now in (due - timedelta(milliseconds=1), due):
            for tenant in TENANTS:
                jobs = await find_jobs(stage.connection, tenant, JobCriteria(), EVERYTHING, now)
                tasks = await find_tasks(stage.connection, tenant, TaskCriteria(), EVERYTHING, now)
                assert as_clients_see(jobs) == ledger.list_of(due_at(ledger.jobs.values(), now), tenant)
                assert as_clients_see(tasks) == ledger.list_of(due_at(ledger.tasks.values(), now), tenant)


async def test_the_model_of_a_version_is_the_text_that_was_deployed(stage: Stage) -> None:
    for row in stage.ledger.processes:
        for tenant in TENANTS:
            expected = row["_xml"] if tenant == row["tenant"] else None
            assert await find_xml(stage.connection, tenant, row["id"]) == expected


async def test_the_scopes_of_an_element_instance_lead_outwards_to_the_process(stage: Stage) -> None:
    for (partition, number), row in stage.ledger.element_instances.items():
        expected = []
        inner: Row | None = row
        while inner is not None:
            expected.append(Scope(inner["id"], inner["processInstanceId"], inner["bpmnElementId"]))
            inner = stage.ledger.element_instances.get((partition, inner["parentId"]))
        for tenant in TENANTS:
            found = await find_scopes(stage.connection, tenant, day(partition), number)
            assert found == (expected if tenant == row["tenant"] else [])


async def test_variables_are_listed_by_name(stage: Stage) -> None:
    names = ("a", "Total")
    for tenant in TENANTS:
        rows = [row for row in stage.ledger.variables.values() if row["name"] in names]
        found = as_clients_see(
            await find_variables(stage.connection, tenant, VariableCriteria(names=names), EVERYTHING)
        )
        assert found == stage.ledger.list_of(rows, tenant)


@pytest.mark.parametrize("names", [(), ("a",), ("Total", "b")])
async def test_the_values_of_scopes_are_as_the_log_keeps_them(stage: Stage, names: tuple[str, ...]) -> None:
    rows = stage.ledger.variables.values()
    for tenant, partition, number in {(row["tenant"], row["partition"], row["processInstanceId"]) for row in rows}:
        own = [
            row
            for row in rows
            if (row["partition"], row["processInstanceId"]) == (partition, number)
            and (not names or row["name"] in names)
        ]
        for scopes in ([0], sorted({row["elementInstanceId"] for row in own})):
            found = await find_values(stage.connection, tenant, InstanceId(day(partition), number), scopes, names)
            expected = [
                (
                    row["name"],
                    row["elementInstanceId"],
                    row["encoding"],
                    row["encrypted"],
                    row["_value"],
                    row["_sealed_for"],
                )
                for row in own
                if row["elementInstanceId"] in scopes
            ]
            assert found == sorted(expected)


async def test_the_values_of_an_instance_are_those_of_all_its_scopes(stage: Stage) -> None:
    rows = stage.ledger.variables.values()
    assert any(row["_sealed_for"] for row in rows)
    for partition, number in {(row["partition"], row["processInstanceId"]) for row in rows}:
        own = [row for row in rows if (row["partition"], row["processInstanceId"]) == (partition, number)]
        for tenant in TENANTS:
            found = await values_of(stage.connection, tenant, InstanceId(day(partition), number))
            expected = {
                (row["elementInstanceId"], row["name"]): (row["_value"], row["_sealed_for"])
                for row in own
                if row["tenant"] == tenant
            }
            assert {(value.scope, value.name): (value.value, value.sealed_for) for value in found} == expected


async def test_a_variable_that_was_deleted_and_set_again_in_one_batch_begins_anew(database: str) -> None:
    def fact(version: int, event: Event) -> Recorded:
        at = datetime(2026, 11, 20, version, tzinfo=UTC)
        return Recorded(version, "instance-2026-11-20-1", version, event, "alpha", Actor("worker", "ada"), at, at, "c")

    first, gone, again = (
        fact(1, VariableSet(7, 1, "a", "json", "1")),
        fact(2, VariableDeleted(7, "a")),
        fact(3, VariableSet(7, 1, "a", "json", "2")),
    )
    async with empty_tables(database) as connection:
        await fill(connection, [[first], [gone, again]])
        (variable,) = await find_variables(connection, "alpha", VariableCriteria(), EVERYTHING)
    assert (variable.created_at, variable.updated_at) == ("2026-11-20T03:00:00Z", "2026-11-20T03:00:00Z")
