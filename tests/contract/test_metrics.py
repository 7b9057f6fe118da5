"""``/metrics``: all that docs/observability.md says there is, and what it counts."""

import re
from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client import REGISTRY

from domain.incidents.events import IncidentSeverityChanged
from tests.contract.feeding import BREACH, FeedClient
from tests.contract.tracking import tracking_client
from tests.contract.working import MODEL
from tests.rules.source_tree import ROOT

PAGE = ROOT / "docs" / "observability.md"

#: A row of one of the page's tables of metrics: the name, and the labels.
ROW = re.compile(r"^\| `(annals_[a-z_]+)` \| ([^|]*)\|", re.MULTILINE)

SAMPLE = re.compile(r"^(annals_[a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@pytest.fixture
async def client(database: str) -> AsyncIterator[FeedClient]:
    async with tracking_client(database, FeedClient) as one:
        yield one


async def shown(client: FeedClient) -> Mapping[str, float]:
    """Return all samples of ours: by name and labels, as they are written."""
    text = (await client.call("GET", "/metrics")).text
    return {f"{name}{{{labels}}}" if labels else name: float(value) for name, labels, value in SAMPLE.findall(text)}


async def test_the_page_tells_of_every_metric_and_of_no_other(client: FeedClient) -> None:
    text = (await client.call("GET", "/metrics")).text
    told = set(re.findall(r"^# TYPE (annals_[a-z_]+) ", text, re.MULTILINE)) - {
        name for name in re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE) if name.endswith("_created")
    }
    assert {name for name, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))} == told


def test_the_page_names_the_labels_of_every_metric() -> None:
    written = {name: re.findall(r"`([a-z_]+)`", labels) for name, labels in ROW.findall(PAGE.read_text("utf-8"))}
    for collector, names in REGISTRY._collector_to_names.items():
        labels = [*getattr(collector, "_labelnames", ()), *getattr(collector, "label_names", ())]
        for name in written.keys() & set(names):
            assert written[name] == labels, name


async def test_what_is_done_is_counted(client: FeedClient) -> None:
    before = await shown(client)
    await client.ok("POST", "/processes", {"bpmnProcessId": "order", "bpmnXml": MODEL, "version": "1", "workerId": "a"})
    process = {"bpmnProcessId": "order", "version": "1", "workerId": "a"}
    for _ in range(3):
        await client.ok("POST", "/process-instances", process)
    locked = await client.ok("POST", "/jobs/lock", {"limit": 2, "workerId": "a"})
    assert locked["count"] == 2
    job = locked["jobs"][0]
    path = f"/jobs/{job['partition']}/{job['id']}/complete"
    assert (await client.call("PATCH", path, {"workerId": "somebody else"})).status_code == 409
    after = await shown(client)

    def grown(sample: str) -> float:
        return after[sample] - before.get(sample, 0)

    assert grown('annals_http_requests_total{method="POST",route="/process-instances",status="2xx"}') == 3
    assert grown('annals_http_requests_total{method="PATCH",route="/jobs/{partition}/{id}/complete",status="4xx"}') == 1
    assert grown('annals_http_request_seconds_count{method="POST",route="/process-instances",status="2xx"}') == 3
    assert grown('annals_commands_total{command="StartProcessInstance",outcome="done"}') == 3
    assert grown('annals_commands_total{command="CompleteJob",outcome="refused"}') == 1
    assert grown('annals_command_seconds_count{command="StartProcessInstance",outcome="done"}') == 3
    assert grown("annals_job_lock_wait_seconds_count") == 2
    assert grown("annals_log_appended_events_total") == await client.node.log.head() - before["annals_log_head"]
    assert 1 <= grown("annals_log_batch_commands_count") <= grown("annals_log_batch_commands_sum")
    assert after["annals_http_open_requests"] == 1
    assert after["annals_database_up"] == 1
    assert after['annals_database_connections{pool="commands",state="free"}'] > 0


async def test_unresolved_incidents_are_counted_by_severity(client: FeedClient) -> None:
    first = await client.opened(BREACH)
    await client.opened(BREACH)
    await client.page()
    assert (await shown(client))['annals_unresolved_incidents{severity="critical"}'] == 2
    await client.moved(first, "resolved")
    await client.page()
    figures = await shown(client)
    assert figures['annals_unresolved_incidents{severity="critical"}'] == 1
    assert figures['annals_unresolved_incidents{severity="low"}'] == 0


async def test_a_decision_that_others_were_faster_than_is_counted_as_a_conflict(client: FeedClient) -> None:
    incident = await client.opened(BREACH)
    await client.moved(incident, "investigating")
    before = await conflicts(client)
    await client.happened(incident, IncidentSeverityChanged(4, 2))  # as another node would have it
    await client.moved(incident, "remediating")
    assert await conflicts(client) == before + 1


async def conflicts(client: FeedClient) -> float:
    figures = await shown(client)
    return sum(value for sample, value in figures.items() if sample.startswith("annals_command_conflicts_total{"))
