"""What clients may send at most stops no read model: it would stop for all tenants."""

import random
from datetime import UTC, datetime

import pytest

from domain.bpmn.graph import ElementType
from domain.bpmn.reader.document import MAX_ID_LENGTH
from domain.event import Actor, Event, Recorded
from domain.identity import INT32_MAX
from domain.incidents.events import IncidentOpened, IncidentRecurred
from domain.processes.events import DeployedElement, ProcessDeployed
from projections.catalogue import READ_MODELS
from projections.incident_list.projector import READ_MODEL as LIST
from projections.incident_list.queries import find_incident
from projections.read_model import ReadModel
from tests.integration.projection_tables import contents, empty_tables, fill

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TENANT = "t" * 63


def recorded(stream: str, *events: Event) -> list[list[Recorded]]:
    """Return facts of a stream, each in a batch of its own."""
    ada = Actor("user", "ada")
    return [
        [Recorded(number, stream, number, event, TENANT, ada, NOON, NOON, "c")]
        for number, event in enumerate(events, start=1)
    ]


def longest_name(seed: int) -> str:
    """Return a name of the most characters, of the most bytes each, in which nothing repeats."""
    chance = random.Random(seed)
    return "".join(chr(chance.randrange(0x10000, 0xE0000)) for _ in range(MAX_ID_LENGTH))


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
async def test_the_longest_names_of_processes_versions_and_elements_can_be_kept(
    database: str, model: ReadModel
) -> None:
    process, version, activity = (longest_name(seed) for seed in (1, 2, 3))
    elements = (
        DeployedElement(1, process, ElementType.PROCESS),
        DeployedElement(2, activity, ElementType.SERVICE_TASK, "", process),
    )
    deployed = recorded("process-p", ProcessDeployed(1, process, version, "<x/>", elements))
    async with empty_tables(database, [model]) as connection:
        await fill(connection, deployed, [model])
        assert any((await contents(connection, model)).values()) == (ProcessDeployed in model.facts)


async def test_an_incident_of_as_many_failures_as_can_be_told_may_recur(database: str) -> None:
    opened = IncidentOpened("monitor", 4, "Shop", "no answer", failure_count=INT32_MAX)
    async with empty_tables(database, [LIST]) as connection:
        await fill(connection, recorded("incident-I", opened, IncidentRecurred()), [LIST])
        found = await find_incident(connection, TENANT, "I")
    assert found is not None
    assert found.failure_count == INT32_MAX + 1
