"""Incidents of every source are listed as their facts tell, from wherever one begins to read, and counted exactly."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple, get_args

import pytest

from api.uptime.incident_view import one
from domain.event import Actor, Event, Recorded
from domain.identity import incident_of
from domain.incidents.events import (
    DuplicateMerged,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentCanceled,
    IncidentClosed,
    IncidentEvent,
    IncidentFieldChanged,
    IncidentMerged,
    IncidentNoteAdded,
    IncidentOpened,
    IncidentRecurred,
    IncidentReopened,
    IncidentResolved,
    IncidentSeverityChanged,
    IncidentStartBackdated,
    IncidentStatusChanged,
    SourceKind,
)
from domain.incidents.status import Status
from infra.embedded_postgres import EmbeddedPostgres
from projections.incident_analytics.projector import READ_MODEL as ANALYTICS
from projections.incident_analytics.queries import incident_figures
from projections.incident_list import queries
from projections.incident_list.projector import READ_MODEL as LIST
from projections.incident_list.queries import (
    Filter,
    ListedIncident,
    Sort,
    count_incidents,
    find_incident,
    incidents_by_cursor,
    incidents_by_offset,
)
from projections.incident_timeline.projector import READ_MODEL as TIMELINE
from projections.incident_timeline.queries import count_timeline, timeline, work_on
from tests.integration.incident_recount import Recount
from tests.integration.projection_incidents import IncidentHistory
from tests.integration.projection_runs import TENANTS, Chronicle
from tests.integration.projection_tables import Connection, batches, contents, empty_tables, fill

SEEDS = (1, 2, 3)
MODELS = (LIST, TIMELINE, ANALYTICS)
SORTS: Sequence[Sort] = get_args(Sort)
MILLISECOND = timedelta(milliseconds=1)
EVERYTHING = 10_000
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Stage(NamedTuple):
    connection: Connection
    recount: Recount
    facts: Sequence[Recorded]


@pytest.fixture(scope="module", params=SEEDS)
async def stage(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Fill the tables once for all tests: none of them changes anything."""
    facts = IncidentHistory(request.param).facts
    async with empty_tables(postgres_server.dsn("postgres"), MODELS) as connection:
        await fill(connection, batches(facts, 40, seed=request.param), MODELS)
        yield Stage(connection, Recount(facts), facts)


def filters(stage: Stage, count: int) -> Iterator[Filter]:
    """Yield filters of every kind and some together; times fall on the millisecond at which something happened."""
    chance = random.Random(5)
    moments = [fact.happened_at for fact in stage.facts]
    yield Filter()
    for tenant in TENANTS:
        changed = [row.updated_at for row in stage.recount.shown if row.tenant == tenant]
        for moment in (min(changed), max(changed)):
            yield Filter(updated_after=moment)
            yield Filter(updated_after=moment - MILLISECOND)
    yield Filter(check_id="c-1", rule_id="r-1")
    for _ in range(count):
        yield Filter(
            statuses=tuple(chance.sample(list(Status), chance.choice((0, 0, 1, 2, 9)))),
            ranks=tuple(chance.sample(range(5), chance.choice((0, 0, 1, 2)))),
            check_id=chance.choice((None, None, None, "c-1", "nobody's")),
            rule_id=chance.choice((None, None, None, "r-2")),
            updated_after=chance.choice((None, None, chance.choice(moments))),
        )


@pytest.fixture(params=[0, 40, queries.FEW])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each way that leads to the rows be taken, as it would be with more of them."""
    monkeypatch.setattr(queries, "FEW", request.param)


def test_the_history_tells_of_all_that_can_happen_to_incidents_of_every_source() -> None:
    facts = [fact.event for fact in IncidentHistory(1).facts]
    assert {type(event) for event in facts} == set(get_args(IncidentEvent))
    assert {event.source for event in facts if isinstance(event, IncidentOpened)} == set(get_args(SourceKind))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
async def test_batches_of_any_size_give_the_rows_that_one_rebuild_gives(database: str, model: Any) -> None:
    facts = IncidentHistory(4, moves=700).facts
    kept = []
    for largest in (len(facts), 1, 3, 80):
        async with empty_tables(database, [model]) as connection:
            await fill(connection, batches(facts, largest, seed=largest) if largest < len(facts) else [facts], [model])
            kept.append(await contents(connection, model))
    assert all(rows == kept[0] for rows in kept)
    assert all(kept[0].values())


async def test_an_incident_is_shown_as_its_facts_tell(stage: Stage) -> None:
    for row in stage.recount.shown:
        for tenant in (*TENANTS, "gamma"):
            found = await find_incident(stage.connection, tenant, row.incident)
            assert found == (row if tenant == row.tenant else None)
    assert await find_incident(stage.connection, "alpha", "0" * 26) is None


@pytest.mark.usefixtures("few")
async def test_a_cursor_leads_through_the_whole_list_in_either_direction(stage: Stage) -> None:
    chance = random.Random(2)
    for wanted, descending, tenant in product(filters(stage, 30), (True, False), TENANTS):
        found: list[ListedIncident] = []
        after, limit = None, chance.choice((1, 7, 100))
        while page := await incidents_by_cursor(
            stage.connection, tenant, wanted, descending=descending, limit=limit, after=after
        ):
            assert len(page) <= limit
            found += page
            after = (page[-1].created_at, page[-1].incident)
        assert found == stage.recount.wanted(tenant, wanted, "created_at", descending=descending), wanted


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("sort", SORTS)
async def test_a_page_is_a_part_of_the_list_in_each_order(stage: Stage, sort: Sort) -> None:
    chance = random.Random(3)
    for wanted, descending, tenant in product(filters(stage, 25), (True, False), TENANTS):
        whole = stage.recount.wanted(tenant, wanted, sort, descending=descending)
        offset, limit = chance.choice((0, 0, 3, len(whole) // 2, len(whole))), chance.choice((1, 10, EVERYTHING))
        page = await incidents_by_offset(
            stage.connection, tenant, wanted, sort=sort, descending=descending, limit=limit, offset=offset
        )
        assert page == whole[offset : offset + limit], wanted


@pytest.mark.usefixtures("few")
async def test_counts_are_those_of_the_lists(stage: Stage) -> None:
    for wanted, tenant in product(filters(stage, 60), (*TENANTS, "gamma")):
        expected = len(stage.recount.wanted(tenant, wanted, "created_at", descending=True))
        assert await count_incidents(stage.connection, tenant, wanted) == expected, wanted


async def test_a_cursor_neither_skips_nor_repeats_while_incidents_are_opened_and_moved(database: str) -> None:
    facts = IncidentHistory(6).facts
    half = len(facts) // 2
    there = {row.incident for row in Recount(facts[:half]).shown if row.tenant == "alpha"}
    for descending in (True, False):
        async with empty_tables(database, [LIST]) as connection:
            await fill(connection, [facts[:half]], [LIST])
            more = iter(batches(facts[half:], 30))
            found: list[str] = []
            after = None
            while page := await incidents_by_cursor(
                connection, "alpha", Filter(), descending=descending, limit=5, after=after
            ):
                found += [row.incident for row in page]
                after = (page[-1].created_at, page[-1].incident)
                await fill(connection, [next(more, [])], [LIST])
            assert len(found) == len(set(found))
            assert set(found) >= there
            assert descending is (set(found) == there), "who reads on into the future meets what is new"


async def test_the_timeline_of_an_incident_is_its_stream_backwards(stage: Stage) -> None:
    for ulid, story in stage.recount.stories.items():
        tenant, length = story.first.tenant, len(story.facts)
        whole = await timeline(stage.connection, tenant, ulid, limit=EVERYTHING, offset=0)
        assert [(e.version, e.position, e.happened_at, e.actor_id) for e in whole] == [
            (f.version, f.position, f.happened_at, f.actor.id) for f in reversed(story.facts)
        ]
        assert [f"{entry.kind}.v1" for entry in reversed(whole)] == [fact.event.topic for fact in story.facts]
        assert await count_timeline(stage.connection, tenant, ulid) == length
        for offset in (1, length - 1, length, length + 5):
            assert await timeline(stage.connection, tenant, ulid, limit=2, offset=offset) == whole[offset : offset + 2]
        assert await timeline(stage.connection, "gamma", ulid, limit=5, offset=0) == []
        assert await count_timeline(stage.connection, "gamma", ulid) == 0


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            IncidentOpened("monitor", 4, "Shop", "no answer", type="timeout"),
            (None, "open", "no answer", None, "timeout"),
        ),
        (IncidentStartBackdated(NOON), (None, "2026-11-20T12:00:00Z", "", "started_at", None)),
        (IncidentRecurred("again", "dns_error"), (None, None, "again", None, "dns_error")),
        (IncidentAcknowledged(Status.OPEN, "mine"), ("open", "acknowledged", "mine", None, None)),
        (
            IncidentStatusChanged(Status.TRIAGING, Status.REMEDIATING, "on it"),
            ("triaging", "remediating", "on it", None, None),
        ),
        (IncidentSeverityChanged(2, 4), ("2", "4", "", "severity", None)),
        (IncidentFieldChanged("error_message", "slow", "down"), ("slow", "down", "", "error_message", None)),
        (IncidentFieldChanged("affected_regions", (), ("a", "b")), ("[]", '["a","b"]', "", "affected_regions", None)),
        (IncidentAssigned("", "mara"), (None, "mara", "", "assignee", None)),
        (IncidentNoteAdded("looks odd"), (None, None, "looks odd", None, None)),
        (IncidentResolved("manual", Status.OPEN, "done"), ("open", "resolved", "done", None, None)),
        (IncidentClosed(Status.RESOLVED, "really"), ("resolved", "closed", "really", None, None)),
        (IncidentReopened(Status.CLOSED, "again"), ("closed", "open", "again", None, None)),
        (IncidentCanceled(Status.TRIAGING), ("triaging", "canceled", "", None, None)),
        (IncidentMerged("OTHER"), (None, "OTHER", "", "merged_into", None)),
        (DuplicateMerged("OTHER"), (None, "OTHER", "", "duplicate", None)),
    ],
    ids=lambda value: getattr(value, "topic", ""),
)
async def test_the_timeline_says_what_a_fact_changed(database: str, event: Event, said: tuple[str | None, ...]) -> None:
    async with empty_tables(database, [TIMELINE]) as connection:
        await fill(connection, [told(event)], [TIMELINE])
        (entry,) = await timeline(connection, "alpha", "I", limit=9, offset=0)
    assert (entry.before, entry.after, entry.text, entry.field, entry.type) == said
    assert (entry.actor_kind, entry.actor_id, entry.email) == ("user", "mara", "")


async def test_the_work_on_incidents_is_their_notes_and_changes_of_status(stage: Stage) -> None:
    ulids = [row.incident for row in stage.recount.shown if row.tenant == "beta"][:50]
    found = await work_on(stage.connection, "beta", ulids, 1000)
    assert list(found) == ulids
    for ulid in ulids:
        whole = await timeline(stage.connection, "beta", ulid, limit=EVERYTHING, offset=0)
        work = [entry for entry in reversed(whole) if entry.kind == "incident.note_added" or _is_move(entry)]
        assert found[ulid] == work
    assert not any((await work_on(stage.connection, "alpha", ulids, 1000)).values())


def _is_move(entry: Any) -> bool:
    return entry.before in set(Status) and entry.after in set(Status)


async def test_the_figures_of_any_range_equal_a_recount(stage: Stage) -> None:
    chance = random.Random(8)
    moments = sorted({row.created_at for row in stage.recount.shown})

    def end() -> datetime:
        return chance.choice(moments) + chance.choice((-1, 0, 0, 1)) * MILLISECOND

    ranges = [(moments[0], moments[-1]), (moments[-1], moments[0]), (moments[3], moments[3])]
    ranges += [(end(), end()) for _ in range(150)]
    for (since, until), tenant in product(ranges, (*TENANTS, "gamma")):
        found = await incident_figures(stage.connection, tenant, since, until)
        assert found == stage.recount.figures(tenant, since, until), (since, until)


async def test_an_incident_that_was_resolved_by_a_clock_behind_took_no_time_at_all(database: str) -> None:
    """Nodes have clocks of their own; in a mean, less than no time would make other incidents look shorter."""
    log, stream = Chronicle(1), "incident-01KB0ZQ8Z3M5W1X7T9R4N6P2VC"
    log.now = NOON
    log.record(stream, "alpha", IncidentOpened("manual", 4, "Fire", "it burns"))
    log.now = NOON - timedelta(seconds=2)
    log.record(stream, "alpha", IncidentResolved("manual"))
    async with empty_tables(database, MODELS) as connection:
        await fill(connection, [log.facts], MODELS)
        row = await find_incident(connection, "alpha", incident_of(stream))
        assert row is not None
        assert one(row).recovery_time_seconds == 0
        for around in (timedelta(hours=1), MILLISECOND):  # whole spans, and one incident by itself
            figures = await incident_figures(connection, "alpha", NOON - around, NOON + around)
            assert (figures.resolved_incidents, figures.mttr) == (1, 0)


class Counting:
    """A connection that counts statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements = 0

    async def execute(self, query: str, /, *args: Any) -> str:
        self.statements += 1
        return await self._connection.execute(query, *args)

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]:
        self.statements += 1
        return await self._connection.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        return await self._connection.fetchrow(query, *args)

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        return await self._connection.fetchval(query, *args)


def told(*events: Event, first: int = 1) -> list[Recorded]:
    """Return facts of one incident, a second apart."""
    return [
        Recorded(n, "incident-I", n, event, "alpha", Actor("user", "mara"), at, at, "c")
        for n, event in enumerate(events, start=first)
        for at in (NOON + timedelta(seconds=n),)
    ]


async def test_thousands_of_recurrences_cost_as_many_statements_as_one(database: str) -> None:
    storm = told(*[IncidentRecurred("again", regions=(f"r{n % 3}",)) for n in range(2_000)], first=2)
    async with empty_tables(database, MODELS) as connection:
        await fill(connection, [told(IncidentOpened("external_alert", 3, "Disk", "full"))], MODELS)
        counting = Counting(connection)
        for model in (LIST, TIMELINE):
            await model.project(storm, counting)
        assert counting.statements <= 5
        (row,) = await incidents_by_cursor(connection, "alpha", Filter(), descending=True, limit=9, after=None)
        assert (row.failure_count, row.affected_regions) == (2_001, ("r0", "r1", "r2"))
        assert row.updated_at == storm[-1].happened_at


@pytest.mark.parametrize("size", [1, 9])
async def test_an_acknowledgement_that_was_taken_back_still_was_the_first_of_its_cycle(
    database: str, size: int
) -> None:
    facts = told(
        IncidentOpened("manual", 3, "Fire", "it burns"),
        IncidentNoteAdded("oh"),
        IncidentAcknowledged(Status.OPEN),
        IncidentStatusChanged(Status.ACKNOWLEDGED, Status.OPEN),
        IncidentStatusChanged(Status.OPEN, Status.INVESTIGATING),
    )
    async with empty_tables(database, [LIST]) as connection:
        await fill(connection, [facts[begin : begin + size] for begin in range(0, len(facts), size)], [LIST])
        row = await find_incident(connection, "alpha", "I")
    assert row is not None
    assert (row.status, row.acknowledged_at) == (Status.INVESTIGATING, facts[2].happened_at)
