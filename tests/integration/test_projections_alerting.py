"""What alert rules measure in read models equals a recount of the facts, to the millisecond of windows' ends."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from domain.alerting.evaluating import Measurement
from domain.alerting.events import Sample, SamplesReported
from domain.alerting.measuring import Window, measure, window_before
from domain.alerting.metrics import WINDOWS
from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementStarted,
    JobCompleted,
    JobCreated,
    JobFailed,
)
from domain.bpmn.graph import ElementType
from domain.event import Actor, Event, Recorded
from domain.identity import partition_of
from domain.incidents.events import (
    IncidentAcknowledged,
    IncidentCanceled,
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentStatusChanged,
)
from domain.processes.events import DeployedElement, ProcessDeployed
from infra.embedded_postgres import EmbeddedPostgres
from projections.alert_samples.projector import READ_MODEL as SAMPLES
from projections.alert_samples.queries import MOST_SAMPLES, TooManySamples, measured_samples
from projections.incident_list.measures import process_incidents, unresolved_incidents
from projections.incident_list.projector import READ_MODEL as INCIDENTS
from projections.work_outcomes.projector import READ_MODEL as WORK
from projections.work_outcomes.queries import durations, job_outcomes
from tests.integration.projection_alerts import METRICS, SCOPES
from tests.integration.projection_histories import KEYS, VERSIONS, History
from tests.integration.projection_runs import PARTS, TENANTS
from tests.integration.projection_tables import Connection, batches, empty_tables, fill

MODELS = (WORK, SAMPLES, INCIDENTS)
MILLISECOND = timedelta(milliseconds=1)

MANY = """
insert into alert_samples
select 'alpha', 'total_cost', '2026-11-20T00:00Z', n, 0, 1, 0, 0, '{}' from generate_series(1, $1::bigint) as n
"""
OVER = (IncidentResolved, IncidentClosed, IncidentCanceled)
UNDER_WAY = (IncidentOpened, IncidentReopened, IncidentAcknowledged, IncidentStatusChanged)

Scope = Mapping[str, str]


class Ended(NamedTuple):
    """A job or an element instance that ended: where, when, and what came of it."""

    tenant: str
    scope: Scope
    at: datetime
    outcome: Any


class Recount:
    """The facts as plain lists, counted anew for each question."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        self.facts = facts
        self.places: dict[int, tuple[str, Scope]] = {}
        self.roots: set[int] = set()
        for fact in facts:
            if isinstance(event := fact.event, ProcessDeployed):
                self.roots.add(event.elements[0].id)
                for element in event.elements:
                    names = (event.bpmn_process_id, event.version, element.bpmn_element_id)
                    scope = dict(zip(("processKey", "version", "activityId"), names, strict=True))
                    self.places[element.id] = (fact.tenant, scope)
        self.jobs = list(self._jobs())
        self.completed = list(self._completed())

    def _jobs(self) -> Iterator[Ended]:
        at: dict[Any, int] = {}
        for fact in self.facts:
            event = fact.event
            if isinstance(event, JobCreated):
                at[partition_of(fact.stream), event.id] = event.element_id
            elif isinstance(event, JobCompleted | JobFailed):
                place = self.places[at[partition_of(fact.stream), event.id]]
                yield Ended(*place, fact.happened_at, isinstance(event, JobFailed))

    def _completed(self) -> Iterator[Ended]:
        began: dict[Any, tuple[int, datetime]] = {}
        for fact in self.facts:
            event = fact.event
            if isinstance(event, ElementEntered) and not event.attached_to and not event.multi_instance:
                began[partition_of(fact.stream), event.id] = (event.element_id, fact.happened_at)
            elif isinstance(event, ElementStarted | ElementCompleted):
                key = (partition_of(fact.stream), event.id)
                if key not in began:
                    continue
                element, since = began[key]
                if isinstance(event, ElementStarted):
                    began[key] = (element, fact.happened_at)
                    continue
                took = (fact.happened_at - since) // MILLISECOND
                yield Ended(*self.places[element], fact.happened_at, (element in self.roots, took))

    def job_outcomes(self, tenant: str, window: Window, scope: Scope) -> tuple[int, int]:
        ended = [job for job in self.jobs if self._meant(job, tenant, window, scope)]
        return sum(job.outcome for job in ended), len(ended)

    def durations(self, tenant: str, window: Window, scope: Scope) -> Mapping[float, int]:
        found = [one.outcome for one in self.completed if self._meant(one, tenant, window, scope)]
        return Counter(took for of_process, took in found if of_process or "activityId" in scope)

    def process_incidents(self, tenant: str, window: Window, scope: Scope) -> int:
        return sum(
            fact.tenant == tenant and window.has(fact.happened_at) and self._of_process(fact.event, scope)
            for fact in self.facts
            if isinstance(fact.event, IncidentOpened)
        )

    def unresolved(self, tenant: str, scope: Scope, without_rule: str) -> int:
        opened: dict[str, IncidentOpened] = {}
        unresolved: set[str] = set()
        for fact in self.facts:
            if fact.tenant != tenant:
                continue
            if isinstance(fact.event, IncidentOpened):
                opened[fact.stream] = fact.event
            if isinstance(fact.event, UNDER_WAY):
                unresolved.add(fact.stream)
            elif isinstance(fact.event, OVER):
                unresolved.discard(fact.stream)
        left = [opened[stream] for stream in unresolved]
        left = [event for event in left if event.rule is None or event.rule.rule_id != without_rule]
        return sum(not scope or self._of_process(event, scope) for event in left)

    def _of_process(self, event: IncidentOpened, scope: Scope) -> bool:
        cause = event.process
        if cause is None:
            return False
        names = {"processKey": cause.bpmn_process_id, "version": cause.version, "activityId": cause.element}
        return scope.items() <= names.items()

    def _meant(self, one: Ended, tenant: str, window: Window, scope: Scope) -> bool:
        return one.tenant == tenant and window.has(one.at) and scope.items() <= one.scope.items()


class Stage(NamedTuple):
    """Filled tables, what should be in them, and moments at which windows may end."""

    connection: Connection
    recount: Recount
    windows: Sequence[Window]


@pytest.fixture(scope="module", params=(1, 2, 3))
async def stage(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Fill the tables once for all tests: none of them changes anything."""
    facts = History(request.param, moves=2500, brisk=0.9).facts
    async with empty_tables(postgres_server.dsn("postgres"), MODELS) as connection:
        await fill(connection, batches(facts, 60, seed=request.param), MODELS)
        yield Stage(connection, Recount(facts), windows(facts))


def windows(facts: Sequence[Recorded]) -> list[Window]:
    """Return windows that lie within the last hour, and end, or begin, where something happened or beside it."""
    chance = random.Random(5)
    last = facts[-1].happened_at
    moments = [fact.happened_at for fact in facts if fact.happened_at > last - timedelta(hours=1)]
    assert len(moments) > 100
    found = [window_before(last, minutes) for minutes in WINDOWS]
    for _ in range(25):
        begin = chance.choice(moments) + chance.choice((-1, 0, 0, 1)) * MILLISECOND
        end = chance.choice(moments) + chance.choice((-1, 0, 0, 1)) * MILLISECOND
        found += [window_before(end, 5), Window(begin, end), Window(begin, begin)]
    return [window for window in found if window.since >= last - timedelta(hours=1)]


def scopes() -> Iterator[Scope]:
    chance = random.Random(8)
    yield {}
    yield {"processKey": "unheard-of"}
    for _ in range(12):
        scope = {"processKey": chance.choice(KEYS), "version": chance.choice(VERSIONS)}
        scope["activityId"] = chance.choice(("work", "work", scope["processKey"], *(part.name for part in PARTS)))
        yield {key: value for key, value in scope.items() if chance.random() < 0.6}


async def test_the_outcomes_of_jobs_equal_a_recount(stage: Stage) -> None:
    connection, recount, asked = stage
    seen = set()
    for window in asked:
        for tenant in TENANTS:
            for scope in scopes():
                expected = recount.job_outcomes(tenant, window, scope)
                assert await job_outcomes(connection, tenant, window, scope) == expected, (window, scope)
                seen.add(expected)
    assert len(seen) > 10


async def test_the_durations_equal_a_recount(stage: Stage) -> None:
    connection, recount, asked = stage
    seen = 0
    for window in asked:
        for tenant in TENANTS:
            for scope in scopes():
                expected = recount.durations(tenant, window, scope)
                assert await durations(connection, tenant, window, scope) == expected, (window, scope)
                seen += len(expected)
    assert seen > 100


async def test_the_counts_of_incidents_equal_a_recount(stage: Stage) -> None:
    connection, recount, asked = stage
    seen = set()
    for tenant in TENANTS:
        for scope in scopes():
            for rule in ("r-1", "nobody's"):
                unresolved = recount.unresolved(tenant, scope, rule)
                assert await unresolved_incidents(connection, tenant, scope, rule) == unresolved, (scope, rule)
            for window in asked:
                expected = recount.process_incidents(tenant, window, scope)
                assert await process_incidents(connection, tenant, window, scope) == expected, (window, scope)
                seen.add((unresolved, expected))
    assert len(seen) > 10


async def test_the_samples_of_a_window_come_to_what_all_samples_come_to(stage: Stage) -> None:
    connection, recount, asked = stage
    seen = set()
    for tenant in TENANTS:
        events = [fact.event for fact in recount.facts if fact.tenant == tenant]
        sent = [sample for event in events if isinstance(event, SamplesReported) for sample in event.samples]
        for window in asked:
            for metric in METRICS:
                for scope in SCOPES:
                    expected = measure(metric, sent, window, scope)
                    found = await measured_samples(connection, tenant, metric, window, scope)
                    assert found == expected, (metric, window, scope)
                    seen.add(expected)
    assert len(seen) > 10


@pytest.mark.parametrize("metric", ["p95_latency_ms", "total_cost", "latency_ms", "error_rate"])
async def test_the_database_puts_samples_together_as_the_definition_does(database: str, metric: str) -> None:
    chance = random.Random(metric)
    at, rates = datetime(2026, 11, 20, 9, tzinfo=UTC), metric == "error_rate"
    async with empty_tables(database, [SAMPLES]) as connection:
        for number in range(150):
            sent = tuple(_sample(chance, metric, at, rates=rates) for _ in range(chance.choice((1, 2, 19, 20, 21, 60))))
            fact = (f"samples-{number}", 1, SamplesReported(sent), f"t{number}", Actor("worker", "ada"), at, at, "c")
            await fill(connection, [[Recorded(number + 1, *fact)]], [SAMPLES])
            window = Window(at - timedelta(minutes=1), at)
            for scope in SCOPES:
                found = await measured_samples(connection, f"t{number}", metric, window, scope)
                assert found == measure(metric, sent, window, scope), (sent, scope)


def _sample(chance: random.Random, metric: str, at: datetime, *, rates: bool) -> Sample:
    """Return a sample at an edge of a window of a minute, or beside it; sums of such values are hard to get right."""
    at -= chance.choice((-1, 0, 30_000, 60_000, 60_001)) * MILLISECOND
    scope = chance.choice(SCOPES)
    if rates and chance.random() < 0.6:
        total = chance.choice((0, 0, 3, 1_000_000_000))
        return Sample(metric, at, failed=chance.randint(0, total), total=total, scope=scope)
    value = chance.choice((0.1, 0.2, -0.3, 1e15, -1e15, 5e-324, -0.0, chance.random(), chance.uniform(-1e15, 1e15)))
    return Sample(metric, at, value, scope=scope)


async def test_a_window_of_more_samples_than_can_be_put_together_is_refused(database: str) -> None:
    async with empty_tables(database, [SAMPLES]) as connection:
        await connection.execute(MANY, MOST_SAMPLES)
        at = datetime(2026, 11, 20, tzinfo=UTC)
        measured = await measured_samples(connection, "alpha", "total_cost", Window(at, at), {})
        assert measured == Measurement(float(MOST_SAMPLES), MOST_SAMPLES)
        await connection.execute(
            "insert into alert_samples select 'alpha', metric, at, 0, 0, 1, 0, 0, scope from alert_samples limit 1"
        )
        with pytest.raises(TooManySamples):
            await measured_samples(connection, "alpha", "total_cost", Window(at, at), {})


async def test_what_is_older_than_the_widest_window_goes_away(stage: Stage) -> None:
    connection, recount, _ = stage
    oldest = {"alert_samples": "min(at)"}
    oldest |= dict.fromkeys(("work_outcomes", "work_outcomes_durations"), "to_timestamp(min(begins) / 1000.0)")
    for table, column in oldest.items():
        looked_at = SAMPLES.facts if table == "alert_samples" else WORK.facts
        last = max(fact.happened_at for fact in recount.facts if isinstance(fact.event, looked_at))
        kept = await connection.fetchval(f"select {column} from {table}")
        assert last - timedelta(minutes=64) <= kept < last - timedelta(minutes=50), table


async def test_neither_armed_events_nor_the_body_of_several_instances_take_time(database: str) -> None:
    at, stream = datetime(2026, 11, 20, 9, tzinfo=UTC), "instance-2026-11-20-1"
    deployed = ProcessDeployed(1, "order", "1", "<xml/>", (DeployedElement(10, "each", ElementType.SERVICE_TASK),))
    entered = [
        ElementEntered(1, 1, 10, "each", multi_instance=True),
        ElementEntered(2, 1, 10, "each", parent_id=1, loop_counter=1),
        ElementEntered(3, 1, 10, "each", attached_to=2),
    ]
    events: list[Event] = [deployed, *entered, *(ElementCompleted(number) for number in (1, 2, 3))]
    facts = [
        Recorded(place, stream, place, event, "alpha", Actor("worker", "ada"), at, at, "c")
        for place, event in enumerate(events, start=1)
    ]
    for parts in ([facts], [[fact] for fact in facts]):
        async with empty_tables(database, [WORK]) as connection:
            await fill(connection, parts, [WORK])
            assert await durations(connection, "alpha", Window(at, at), {"activityId": "each"}) == {0.0: 1}
            assert not await connection.fetchval("select count(*) from work_outcomes_running")
