"""The five insight views equal a recount of the facts, in ranges of time whose ends fall on the very millisecond."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from domain.bpmn.events import (
    ElementEntered,
    ElementPassed,
    ElementStarted,
    EventTriggered,
    InstanceState,
    ProcessInstanceDequeued,
    ProcessInstanceStarted,
)
from domain.bpmn.graph import ElementType
from domain.event import Actor, Recorded
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.processes.events import ProcessDeployed
from infra.embedded_postgres import EmbeddedPostgres
from projections.insight_heatmap.projector import READ_MODEL as HEATMAP
from projections.insight_heatmap.queries import heatmap
from projections.insight_incidents_graph.projector import READ_MODEL as GRAPH
from projections.insight_incidents_graph.queries import incidents_graph
from projections.insight_incidents_table.projector import READ_MODEL as TABLE
from projections.insight_incidents_table.queries import Ranks, incidents_table
from projections.insight_totals.projector import READ_MODEL as TOTALS
from projections.insight_totals.queries import totals
from projections.insight_versions.projector import READ_MODEL as VERSIONS
from projections.insight_versions.queries import version_graph
from projections.time_spans import DAY, Range, between, milliseconds
from tests.integration.projection_histories import KEYS, History
from tests.integration.projection_runs import TENANTS
from tests.integration.projection_tables import Connection, batches, empty_tables, fill

SEEDS = (1, 2, 3)
VIEWS = (HEATMAP, VERSIONS, TABLE, GRAPH, TOTALS)
MILLISECOND = timedelta(milliseconds=1)

Ends = tuple[datetime | None, datetime | None]


class Incident(NamedTuple):
    """An incident of a process, as it is at the end of the history."""

    process_id: int
    opened: IncidentOpened
    at: datetime
    ended: datetime | None
    state: str


class Recount:
    """The facts as plain lists, counted anew for each question."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        self.deployed = [(f.tenant, f.event) for f in facts if isinstance(f.event, ProcessDeployed)]
        self.instances = Counter(_instances(facts))
        self.starts = list(_starts(facts))
        self.errors = list(self._errors(facts))
        self.incidents = dict(self._incidents(facts))

    def _errors(self, facts: Sequence[Recorded]) -> Iterator[tuple[int, datetime]]:
        """Yield where and when an error began an event sub-process."""
        types = {element.id: element.type for _, event in self.deployed for element in event.elements}
        for fact in facts:
            event = fact.event
            if isinstance(event, EventTriggered) and types[event.element_id] is ElementType.ERROR_START_EVENT:
                yield event.process_id, fact.happened_at

    def _incidents(self, facts: Sequence[Recorded]) -> Iterator[tuple[str, Incident]]:
        ends = {f.stream: f for f in facts if isinstance(f.event, IncidentResolved | IncidentCanceled)}
        for fact in facts:
            if isinstance(fact.event, IncidentOpened) and fact.event.process is not None:
                end = ends.get(fact.stream)
                state = "active" if end is None else _state(end.event)
                process_id = fact.event.process.process_id
                ended = None if end is None else end.happened_at
                yield fact.stream, Incident(process_id, fact.event, fact.happened_at, ended, state)

    def heatmap(self, process: ProcessDeployed, ends: Ends) -> list[dict[str, Any]]:
        started = Counter(
            element
            for process_id, element, at in self.starts
            if process_id == process.process_id and element != process.bpmn_process_id and _within(at, ends)
        )
        states = Counter((_element(i), i.state) for i in self._of(process, ends) if _element(i))
        rows = []
        for element in {*started, *(element for element, _ in states)}:
            counts = {state: states[element, state] for state in ("active", "completed", "canceled")}
            row = {f"{state}Incidents": count for state, count in counts.items()}
            total = sum(counts.values())
            rows.append({"actId": element, **row, "totalIncidents": total, "instanceCount": started[element]})
        return sorted(rows, key=lambda row: (-int(row["totalIncidents"]), row["actId"]))

    def table(self, process: ProcessDeployed, ends: Ends) -> list[dict[str, Any]]:
        streams = {incident: stream for stream, incident in self.incidents.items()}
        incidents = [incident for incident in self._of(process, ends) if _element(incident)]
        incidents.sort(key=lambda incident: (-milliseconds(incident.at), streams[incident]))
        return [_table_row(incident) for incident in incidents]

    def graph(self, process: ProcessDeployed, ends: Ends) -> list[dict[str, Any]]:
        days = Counter(
            (milliseconds(i.at.replace(hour=0, minute=0, second=0, microsecond=0)), _cause(i).incident_type)
            for i in self._of(process, ends)
        )
        days.update(
            (milliseconds(at.replace(hour=0, minute=0, second=0, microsecond=0)), "errorStartEvent")
            for at in self.errors_of(process, ends)
        )
        return [
            {"date": date, "totalInstances": count, "incidentType": kind}
            for (date, kind), count in sorted(days.items())
        ]

    def totals(self, process: ProcessDeployed, ends: Ends) -> dict[str, Any]:
        exceptions = len(self.errors_of(process, ends))
        return {"totalIncidents": len(self._of(process, ends)), "totalExceptions": exceptions}

    def errors_of(self, process: ProcessDeployed, ends: Ends) -> list[datetime]:
        return [at for process_id, at in self.errors if process_id == process.process_id and _within(at, ends)]

    def _of(self, process: ProcessDeployed, ends: Ends) -> list[Incident]:
        return [i for i in self.incidents.values() if i.process_id == process.process_id and _within(i.at, ends)]


def _instances(facts: Sequence[Recorded]) -> Iterator[int]:
    """Yield the process of each instance that started, at once or from the queue."""
    queued: dict[str, int] = {}
    for fact in facts:
        match fact.event:
            case ProcessInstanceStarted(process_id=process_id, state=state):
                if state is InstanceState.QUEUED:
                    queued[fact.stream] = process_id
                else:
                    yield process_id
            case ProcessInstanceDequeued():
                yield queued[fact.stream]


def _starts(facts: Sequence[Recorded]) -> Iterator[tuple[int, str, datetime]]:
    """Yield where and when each element instance began, the first time that a fact says so."""
    begun: set[tuple[str, int]] = set()
    places: dict[tuple[str, int], tuple[int, str]] = {}
    for fact in facts:
        event = fact.event
        if not isinstance(event, ElementEntered | ElementPassed | ElementStarted | EventTriggered):
            continue
        instance = (fact.stream, event.id)
        places.setdefault(instance, (event.process_id, event.element))
        waits = isinstance(event, ElementEntered) and event.state is not InstanceState.STARTED
        if not waits and instance not in begun:
            begun.add(instance)
            yield *places[instance], fact.happened_at


def _state(event: object) -> str:
    return "completed" if isinstance(event, IncidentResolved) else "canceled"


def _cause(incident: Incident) -> Any:
    return incident.opened.process


def _element(incident: Incident) -> str:
    element: str = _cause(incident).element
    return element


def _within(at: datetime, ends: Ends) -> bool:
    start, end = ends
    return (start is None or start <= at) and (end is None or at <= end)


def _table_row(incident: Incident) -> dict[str, Any]:
    cause = _cause(incident)
    return {
        "activityId": cause.element,
        "activity": cause.activity,
        "failedActivityId": cause.element,
        "failedActivity": cause.activity,
        "createTime": milliseconds(incident.at),
        "endTime": incident.ended and milliseconds(incident.ended),
        "procInstId": f"{cause.partition}/{cause.process_instance_id}",
    }


class Stage(NamedTuple):
    connection: Connection
    recount: Recount
    moments: list[datetime]


@pytest.fixture(scope="module", params=SEEDS)
async def stage(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Fill the tables once for all tests: none of them changes anything."""
    facts = History(request.param, moves=2000).facts
    async with empty_tables(postgres_server.dsn("postgres"), VIEWS) as connection:
        await fill(connection, batches(facts, 60, seed=request.param), VIEWS)
        moments = sorted(
            {at for _, _, at in _starts(facts)} | {f.happened_at for f in facts if isinstance(f.event, IncidentOpened)}
        )
        yield Stage(connection, Recount(facts), moments)


def ranges(moments: Sequence[datetime], count: int) -> list[Ends]:
    """Return ranges that begin and end where something happened, or a millisecond beside it; some without an end."""
    chance = random.Random(3)

    def end() -> datetime | None:
        moment = chance.choice(moments) + chance.choice((-1, 0, 0, 1)) * MILLISECOND
        return chance.choice((None, moment, moment, moment, moment))

    some: list[Ends] = [(end(), end()) for _ in range(count)]
    exact: list[Ends] = [(moment, moment) for moment in chance.sample(moments, 20)]
    return [(None, None), *exact, *some]


def plain(answer: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(answer))


async def test_the_heatmap_equals_a_recount(stage: Stage) -> None:
    connection, recount, moments = stage
    for ends in ranges(moments, 60):
        for tenant, process in recount.deployed:
            rows = await heatmap(connection, tenant, process.bpmn_process_id, process.version, between(*ends))
            assert plain(rows) == recount.heatmap(process, ends), (process.version, ends)


async def test_the_totals_and_the_graph_equal_a_recount(stage: Stage) -> None:
    connection, recount, moments = stage
    for ends in ranges(moments, 60):
        for tenant, process in recount.deployed:
            version = (tenant, process.bpmn_process_id, process.version)
            assert plain(await totals(connection, *version, between(*ends))) == recount.totals(process, ends)
            assert plain(await incidents_graph(connection, *version, between(*ends))) == recount.graph(process, ends)


async def test_each_window_of_ranks_is_that_part_of_the_whole_table(stage: Stage) -> None:
    connection, recount, moments = stage
    chance = random.Random(9)
    for ends in ranges(moments, 60):
        for tenant, process in recount.deployed:
            version = (tenant, process.bpmn_process_id, process.version)
            whole = recount.table(process, ends)
            after = chance.randint(0, len(whole) + 2)
            for ranks in (Ranks(0, 1000), Ranks(0, 0), Ranks(after, after + 3), Ranks(after, after)):
                rows = await incidents_table(connection, *version, between(*ends), ranks)
                assert plain(rows) == whole[ranks.after : ranks.upto], (ends, ranks)


async def test_the_version_graph_counts_what_every_version_had(stage: Stage) -> None:
    connection, recount, _ = stage
    incidents = Counter(incident.process_id for incident in recount.incidents.values())
    for tenant in TENANTS:
        for key in KEYS:
            processes = [p for t, p in recount.deployed if (t, p.bpmn_process_id) == (tenant, key)]
            found = {str(row.version): row for row in await version_graph(connection, tenant, key)}
            assert len(found) == len(processes)
            for process in processes:
                assert plain(found[process.version]) == {
                    "version": found[process.version].version,
                    "processInstanceCount": recount.instances[process.process_id],
                    "incidentCount": incidents[process.process_id],
                    "errorStartEventCount": len(recount.errors_of(process, (None, None))),
                }


async def test_the_views_of_one_range_agree_with_each_other(stage: Stage) -> None:
    connection, recount, moments = stage
    for ends in ranges(moments, 20):
        asked = between(*ends)
        for tenant, process in recount.deployed:
            version = (tenant, process.bpmn_process_id, process.version)
            counted = await totals(connection, *version, asked)
            days = await incidents_graph(connection, *version, asked) or []
            rows = await incidents_table(connection, *version, asked, Ranks(0, 1000)) or []
            activities = await heatmap(connection, *version, asked) or []
            without = sum(1 for i in recount._of(process, ends) if not _element(i))
            assert counted
            incidents = sum(day.total_instances for day in days if day.incident_type != "errorStartEvent")
            assert counted.total_incidents == incidents == len(rows) + without
            assert counted.total_incidents + counted.total_exceptions == sum(day.total_instances for day in days)
            assert sum(activity.total_incidents for activity in activities) == len(rows)


async def test_what_is_not_deployed_has_no_figures_and_what_is_quiet_has_none_either(stage: Stage) -> None:
    connection, recount, moments = stage
    tenant, process = recount.deployed[0]
    others = [("gamma", process.bpmn_process_id, process.version), (tenant, process.bpmn_process_id, "1.0")]
    for version in others:
        assert await heatmap(connection, *version, Range()) is None
        assert await totals(connection, *version, Range()) is None
        assert await incidents_graph(connection, *version, Range()) is None
        assert await incidents_table(connection, *version, Range(), Ranks(0, 10)) is None
    assert await version_graph(connection, "gamma", process.bpmn_process_id) == []
    version = (tenant, process.bpmn_process_id, process.version)
    for asked in (between(moments[-1] + MILLISECOND, None), between(moments[-1], moments[0])):
        assert await heatmap(connection, *version, asked) == []
        assert await incidents_graph(connection, *version, asked) == []
        assert await incidents_table(connection, *version, asked, Ranks(0, 10)) == []
        assert plain(await totals(connection, *version, asked)) == {"totalIncidents": 0, "totalExceptions": 0}


@pytest.mark.parametrize(
    ("deployed", "shown"),
    [
        (["2", "10", "1"], [1, 2, 10]),
        (["0", "999999999", "8"], [0, 8, 999999999]),
        (["2", "10", "b", "1"], [2, 10, "b", 1]),
        (["2", "007", "1"], [2, "007", 1]),
        (["1234567890", "2"], ["1234567890", 2]),
        (["1.0", "0.9"], ["1.0", "0.9"]),
        (["-1", "٣"], ["-1", "٣"]),
    ],
)
async def test_versions_are_in_the_order_of_their_numbers_or_else_of_their_deployment(
    database: str, deployed: list[str], shown: list[int | str]
) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    facts = []
    for place, version in enumerate(deployed, start=1):
        event = ProcessDeployed(100 - place, "order", version, "<xml/>", ())  # ids come from blocks, in any order
        facts.append(Recorded(place, "process-alpha-order", place, event, "alpha", Actor("worker", "ada"), at, at, "c"))
    async with empty_tables(database, [VERSIONS]) as connection:
        await fill(connection, [facts], [VERSIONS])
        assert [row.version for row in await version_graph(connection, "alpha", "order")] == shown


async def test_a_range_without_ends_is_answered_from_whole_days(stage: Stage) -> None:
    connection, recount, _ = stage
    await connection.execute("begin")
    await connection.execute("delete from insight_totals where span < $1", DAY)
    try:
        for tenant, process in recount.deployed:
            version = (tenant, process.bpmn_process_id, process.version)
            assert plain(await totals(connection, *version, Range())) == recount.totals(process, (None, None))
    finally:
        await connection.execute("rollback")
