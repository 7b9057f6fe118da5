"""The built-in metrics of alert rules, over the lives of real processes (docs/alerting.md)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from commands.incidents import ResolveIncident
from commands.intents import EntityId
from domain.alerting.evaluating import Measurement
from infra.rule_measures import Levels, Measuring
from tests.integration.commanding import TWO_TASKS, Node
from tests.integration.evaluating import Watch, watching
from tests.story import bpmn

Scope = dict[str, str]

OTHER = bpmn("s:startEvent work:serviceTask more:serviceTask e:endEvent", "s>work work>more more>e", process_id="other")


@pytest.fixture
async def watch(database: str) -> AsyncIterator[Watch]:
    async with watching(database) as opened:
        yield opened


async def metric(watch: Watch, name: str, scope: Scope | None = None, **given: Any) -> Measurement | None:
    """Measure a metric as a rule would that looks back five minutes."""
    given = {"window_minutes": 5, "module": "process", "scope": scope or {}, **given}
    rule = await watch.rule(await watch.watches(metric=name, **given), given.get("tenant", "default"))
    measuring = Measuring(watch.database, Levels(watch.reading), watch.clock.now())
    await measuring.reach(rule)
    return await measuring.measure(rule)


async def fail(node: Node, error: str = "card declined") -> None:
    """Have a worker fail the oldest job for good."""
    (job,) = await node.lock(1)
    await node.complete(job, error=error)


async def do(node: Node) -> None:
    (job,) = await node.lock(1)
    await node.complete(job)


async def test_job_error_rate_is_the_share_of_ended_jobs_that_failed(watch: Watch) -> None:
    (node,) = watch.nodes
    assert await metric(watch, "job_error_rate") is None
    await node.deploy()
    await node.deploy(OTHER, process_id="other")
    for _ in range(3):
        await node.start()
        await do(node)
    await node.start(process_id="other")
    await do(node)
    await fail(node)
    assert await metric(watch, "job_error_rate") == Measurement(20.0, 5)
    assert await metric(watch, "job_error_rate", {"processKey": "p"}) == Measurement(0.0, 3)
    assert await metric(watch, "job_error_rate", {"processKey": "other", "version": "1"}) == Measurement(50.0, 2)
    assert await metric(watch, "job_error_rate", {"activityId": "work"}) == Measurement(0.0, 4)
    assert await metric(watch, "job_error_rate", {"activityId": "more"}) == Measurement(100.0, 1)
    assert await metric(watch, "job_error_rate", {"version": "2"}) is None
    assert await metric(watch, "job_error_rate", tenant="rival") is None
    watch.passes(minutes=5)
    assert await metric(watch, "job_error_rate") == Measurement(20.0, 5)
    watch.passes(milliseconds=1)
    assert await metric(watch, "job_error_rate") is None


async def test_process_incident_count_is_of_those_opened_in_the_window(watch: Watch) -> None:
    (node,) = watch.nodes
    await node.deploy()
    assert await metric(watch, "process_incident_count") == Measurement(0.0, 0)
    for _ in range(2):
        await node.start()
        await fail(node)
    watch.passes(minutes=3)
    await node.start()
    await fail(node)
    found = [await metric(watch, "process_incident_count", scope) for scope in ({}, {"activityId": "work"})]
    assert found == [Measurement(3.0, 3)] * 2
    assert await metric(watch, "process_incident_count", {"processKey": "q"}) == Measurement(0.0, 0)
    watch.passes(minutes=2, milliseconds=1)
    assert await metric(watch, "process_incident_count") == Measurement(1.0, 1)


async def test_open_incident_count_is_of_those_unresolved_now(watch: Watch) -> None:
    (node,) = watch.nodes
    await node.deploy()
    for _ in range(2):
        instance = await node.start()
        await fail(node)
    await watch.watches()
    await watch.measures(350.0)
    await watch.evaluates()
    watch.passes(hours=5)
    assert await metric(watch, "open_incident_count") == Measurement(3.0, 3)
    assert await metric(watch, "open_incident_count", {"processKey": "p", "version": "1"}) == Measurement(2.0, 2)
    number = await node.pool.fetchval("select max(id) from log.open_incidents")
    await node.send(ResolveIncident("ada"), EntityId(instance.partition, number))
    assert await metric(watch, "open_incident_count") == Measurement(2.0, 2)


async def test_the_backlog_is_of_due_jobs_that_nobody_has_taken(watch: Watch) -> None:
    (node,) = watch.nodes
    await node.deploy()
    await node.deploy(OTHER, process_id="other")
    for name in ("job_backlog_count", "job_backlog_age_seconds"):
        assert await metric(watch, name) == Measurement(0.0, 0)
    await node.start()
    watch.passes(seconds=90)
    await node.start(process_id="other")
    await node.start(process_id="other")
    watch.passes(seconds=1.5)
    assert await metric(watch, "job_backlog_count") == Measurement(3.0, 3)
    assert await metric(watch, "job_backlog_age_seconds") == Measurement(91.5, 3)
    other = {"processKey": "other", "version": "1", "activityId": "work"}
    assert await metric(watch, "job_backlog_count", other) == Measurement(2.0, 2)
    assert await metric(watch, "job_backlog_age_seconds", other) == Measurement(1.5, 2)
    await do(node)
    (taken,) = await node.lock(1)
    assert await metric(watch, "job_backlog_count") == Measurement(1.0, 1)
    await node.complete(taken)
    assert await metric(watch, "job_backlog_count", {"activityId": "more"}) == Measurement(1.0, 1)
    assert await metric(watch, "job_backlog_count", tenant="rival") == Measurement(0.0, 0)


async def test_instance_durations_are_from_start_to_completion(watch: Watch) -> None:
    (node,) = watch.nodes
    await node.deploy(TWO_TASKS)
    assert await metric(watch, "instance_duration_p95_ms") is None
    for seconds in (*range(1, 20), 0.25):
        await node.start()
        watch.passes(seconds=seconds)
        await do(node)
        watch.passes(milliseconds=7)
        await do(node)
    await node.start()  # it goes on
    window: dict[str, Any] = {"window_minutes": 15}
    assert await metric(watch, "instance_duration_p95_ms", **window) == Measurement(19_007.0, 20)
    assert await metric(watch, "instance_duration_p95_ms", {"activityId": "work"}, **window) == Measurement(
        19_000.0, 20
    )
    assert await metric(watch, "instance_duration_p95_ms", {"activityId": "more"}, **window) == Measurement(7.0, 20)
    assert await metric(watch, "instance_duration_p95_ms", {"version": "2"}, **window) is None


async def test_a_rule_on_a_built_in_metric_fires_with_the_incident_that_the_process_raised(watch: Watch) -> None:
    (node,) = watch.nodes
    await node.deploy()
    await watch.watches(metric="job_error_rate", module="process", threshold=5.0, scope={"processKey": "p"})
    await node.start()
    await fail(node)
    (opened,) = await watch.evaluates()
    assert (opened.title, opened.error_message) == (
        "job_error_rate: job_error_rate gt 5",
        "job_error_rate was 100 (gt 5)",
    )
    assert opened.severity == 4
