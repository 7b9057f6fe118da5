"""Which acknowledgements have run out, held to a recount of the facts."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

import pytest

from domain.access.events import AcknowledgementTimeoutSet
from domain.event import Actor, Recorded
from domain.identity import incident_stream, tenant_stream
from domain.incidents.events import IncidentCanceled, IncidentClosed, IncidentEvent, IncidentResolved
from domain.incidents.incident import Incident, evolve
from domain.incidents.status import Status
from infra.embedded_postgres import EmbeddedPostgres
from projections.acknowledgements.projector import READ_MODEL
from projections.acknowledgements.queries import expired_acknowledgements
from tests.integration.projection_incidents import IncidentHistory
from tests.integration.projection_runs import TENANTS, Chronicle
from tests.integration.projection_tables import Untouched, batches, empty_tables, fill

MINUTES = (0, 1, 5, 60, 43_200)
EVERYTHING = 10_000


def with_timeouts(facts: Sequence[Recorded], seed: int) -> Iterator[Recorded]:
    """Yield the facts, and among them tenants that change their time-outs."""
    chance = random.Random(seed)
    for fact in facts:
        if chance.random() < 0.02:
            tenant = chance.choice(TENANTS)
            event = AcknowledgementTimeoutSet(chance.choice(MINUTES))
            envelope = (tenant, Actor("system", "system"), fact.happened_at, fact.recorded_at, "c")
            yield Recorded(fact.position, tenant_stream(tenant), 1, event, *envelope)
        yield fact


class Recount:
    """Incidents as their facts tell, and since when each is acknowledged."""

    def __init__(self, facts: Sequence[Recorded]) -> None:
        self.incidents: dict[str, Incident] = {}
        self.since: dict[str, datetime] = {}
        self.minutes: dict[str, int] = {}
        for fact in facts:
            if isinstance(fact.event, AcknowledgementTimeoutSet):
                self.minutes[fact.tenant] = fact.event.minutes
            elif isinstance(fact.event, get_args(IncidentEvent)):
                self._apply(fact)

    def _apply(self, fact: Recorded) -> None:
        before = self.incidents.get(fact.stream)
        after = evolve(before, fact.event, fact.happened_at, fact.actor.id, fact.tenant)
        self.incidents[fact.stream] = after
        if after.status is Status.ACKNOWLEDGED and (before is None or before.status is not Status.ACKNOWLEDGED):
            self.since[fact.stream] = fact.happened_at

    def expired(self, now: datetime) -> Mapping[str, set[str]]:
        """Return the incidents of each tenant that has a time-out."""
        return {
            tenant: {
                stream
                for stream, incident in self.incidents.items()
                if incident.tenant == tenant
                and incident.status is Status.ACKNOWLEDGED
                and self.since[stream] + timedelta(minutes=minutes) <= now
            }
            for tenant, minutes in self.minutes.items()
            if minutes
        }


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_has_run_out_is_what_a_recount_finds(postgres_server: EmbeddedPostgres, seed: int) -> None:
    facts = list(with_timeouts(IncidentHistory(seed).facts, seed))
    recount = Recount(facts)
    found = 0
    async with empty_tables(postgres_server.dsn("postgres"), (READ_MODEL,)) as connection:
        await fill(connection, batches(facts, 40, seed=seed), (READ_MODEL,))
        edges = [
            since + timedelta(minutes=minutes, milliseconds=beside)
            for since in recount.since.values()
            for minutes in recount.minutes.values()
            for beside in (-1, 0)
        ]
        for now in random.Random(seed).sample(edges, min(50, len(edges))):
            rows = await expired_acknowledgements(connection, now, EVERYTHING)
            of_tenants = {
                tenant: {f"incident-{row.incident}" for row in rows if row.tenant == tenant} for tenant in TENANTS
            }
            expected = recount.expired(now)
            assert of_tenants == {tenant: expected.get(tenant, set()) for tenant in TENANTS}
            found += len(rows)
        last = facts[-1].happened_at + timedelta(days=60)
        assert len(await expired_acknowledgements(connection, last, 1)) <= 1
    assert found or not any(recount.minutes.values())


async def test_some_history_has_acknowledgements_that_run_out() -> None:
    recounts = [Recount(list(with_timeouts(IncidentHistory(seed).facts, seed))) for seed in (1, 2, 3)]
    last = datetime.max.replace(tzinfo=next(iter(recounts[0].since.values())).tzinfo)
    assert sum(len(found) for recount in recounts for found in recount.expired(last).values()) > 3


async def test_the_ends_of_incidents_that_nobody_acknowledged_are_no_work() -> None:
    ends = (IncidentResolved("retry", Status.OPEN), IncidentClosed(Status.INVESTIGATING), IncidentCanceled(Status.OPEN))
    log = Chronicle(1)
    for number, end in enumerate(ends):
        log.record(incident_stream(f"P{number:025d}"), "alpha", end)
    await READ_MODEL.project(log.facts, Untouched())
