"""A check that is probed for long, and its incident that recurs for long: what is loaded of them stays bounded."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from commands.check_results import ReportedResult, ReportResults, ResultsAnswer
from commands.checks import CreateCheck
from domain.identity import check_stream, incident_stream
from domain.monitoring.events import CheckResultsReported
from tests.integration.commanding import Node, nodes_on
from tests.integration.test_commands_long_streams import Reads
from tests.monitoring import SHOP

FAIL = ReportedResult("eu", ok=False, type="timeout", message="no answer")


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[list[Node]]:
    async with nodes_on(database, 2) as nodes:
        yield nodes


async def hears(node: Node, check: str, *results: ReportedResult) -> ResultsAnswer:
    answer: ResultsAnswer = (await node.send(ReportResults(results), check)).answer
    return answer


async def test_a_cold_node_goes_on_from_snapshots_of_the_check_and_its_incident(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes
    check: str = (await here.send(CreateCheck(SHOP))).answer
    opened = await hears(here, check, FAIL, FAIL, msgspec.structs.replace(FAIL, region="us"))
    assert opened.incident is not None
    for number in range(550):
        await hears(here, check, *[FAIL] * (2 if number % 2 else 1))
    reads = Reads(there, monkeypatch)
    assert await hears(there, check, FAIL) == opened
    assert sum(reads.sizes) < 2 * (64 + 550)
    for stream in (check_stream(check), incident_stream(opened.incident)):
        facts = await here.log.read(stream)
        assert len(facts) > 550
        loaded = there.cache.get(stream)
        assert loaded is not None
        assert loaded.version == len(facts)
    heard = [fact.event for fact in await here.log.read(check_stream(check))]
    assert sum(len(event.results) for event in heard if isinstance(event, CheckResultsReported)) == 3 + 825 + 1
    incident = there.cache.get(incident_stream(opened.incident))
    assert incident is not None
    assert incident.state.failure_count == 3 + 825 + 1
