"""Many commands in one request: each item has the answer that it would have had alone (beyond contracts/engine.md)."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from tests.contract.working import Client, engine_client

START = {"bpmnProcessId": "order", "version": "1", "workerId": "importer"}
WHOLE = ("invalid request body", "failed to validate request body")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[Client]:
    async with engine_client(database) as client:
        await client.deploy()
        yield client


async def sent(engine: Client, path: str, items: Sequence[Any], **headers: str) -> list[Any]:
    """Send a batch that is taken, and return what became of each item."""
    answer = await engine.ok("POST", path, {"items": items}, **headers)
    assert answer["count"] == len(answer["results"]) == len(items)
    results: list[Any] = answer["results"]
    return results


async def start(engine: Client, *items: Any, **headers: str) -> list[Any]:
    return await sent(engine, "/process-instances/batch", items, **headers)


async def complete(engine: Client, *items: Any, **headers: str) -> list[Any]:
    return await sent(engine, "/jobs/complete", items, **headers)


def report(job: Any, **more: Any) -> dict[str, Any]:
    return {"partition": job["partition"], "id": job["id"], "workerId": "worker", **more}


async def broken(engine: Client, path: str, body: Any) -> list[tuple[str, str]]:
    """Send a batch that breaks rules, and return which ones where."""
    answer = await engine.call("POST", path, body)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "HTTP_REQUEST_BODY")
    assert (problem["title"], problem["detail"]) == WHOLE
    return [(error["pointer"], error["type"]) for error in problem["errors"]]


async def test_many_instances_are_started_and_answered_in_their_order(engine: Client) -> None:
    results = await start(engine, *({**START, "correlationKey": str(number)} for number in range(20)))
    started = [result["processInstance"] for result in results]
    assert [instance["correlationKey"] for instance in started] == [str(number) for number in range(20)]
    assert {instance["createdBy"] for instance in started} == {"importer"}
    by_id = sorted(started, key=lambda instance: int(instance["id"]))
    assert await engine.rows("process-instances") == by_id


async def test_an_item_that_is_refused_does_not_keep_the_others_from_being_done(engine: Client) -> None:
    first, unknown, last = await start(engine, START, {**START, "version": "2"}, {**START, "workerId": "other"})
    assert unknown == {
        "problem": {
            "status": 404,
            "type": "NOT_FOUND",
            "title": "failed to create process instance",
            "detail": "process order:2 could not be found",
        }
    }
    assert (first["processInstance"]["createdBy"], last["processInstance"]["createdBy"]) == ("importer", "other")
    assert len(await engine.rows("process-instances")) == 2


async def test_an_item_that_breaks_a_rule_refuses_the_whole_request(engine: Client) -> None:
    tagged = {**START, "tags": [{"name": "ok"}, {"name": "a b"}]}
    path = "/process-instances/batch"
    assert await broken(engine, path, {"items": [START, {"version": "1"}, tagged]}) == [
        ("#/items/1/bpmnProcessId", "required"),
        ("#/items/1/workerId", "required"),
        ("#/items/2/tags/1/name", "tag_name"),
    ]
    assert await broken(engine, path, {"items": [START] * 1001}) == [("#/items", "max")]
    assert await broken(engine, path, {}) == await broken(engine, path, {"items": []}) == [("#/items", "required")]
    assert await engine.rows("process-instances") == []


async def test_a_report_names_its_job_and_keeps_the_rules_of_one_that_comes_alone(engine: Client) -> None:
    good = {"partition": "2026-11-23", "id": 1, "workerId": "w"}
    assert await broken(engine, "/jobs/complete", {"items": [good, {"retryLimit": -1}, {**good, "id": -1}]}) == [
        ("#/items/1/id", "required"),
        ("#/items/1/partition", "required"),
        ("#/items/1/retryLimit", "gte"),
        ("#/items/1/workerId", "required"),
        ("#/items/2/id", "gte"),
    ]
    unknown = await engine.refused("POST", "/jobs/complete", {"items": [{**good, "jobId": 1}]})
    assert unknown == (400, "HTTP_REQUEST_BODY", "invalid request body", 'unknown JSON field "jobId"')


async def test_a_body_of_more_than_a_megabyte_is_refused(engine: Client) -> None:
    padded = {**START, "correlationKey": "x" * 1_100}
    refusal = await engine.refused("POST", "/process-instances/batch", {"items": [padded] * 1000})
    assert refusal == (400, "HTTP_REQUEST_BODY", "invalid request body", "request body size must not exceed 1MB")


async def test_many_jobs_are_reported_each_by_its_own_worker(engine: Client) -> None:
    await start(engine, *[START] * 4)
    done, failed, another, free = await engine.lock()
    await engine.ok("POST", "/jobs/unlock", {"workerId": "worker", "partition": free["partition"], "id": free["id"]})
    results = await complete(
        engine,
        report(done, processVariables=[{"name": "v", "data": {"encoding": "json", "value": "1"}}]),
        report(failed, error="no such customer"),
        report(another, workerId="other"),
        report(free),
        report({**free, "id": 2_000_000_000}),
        report(done),
    )
    assert [what_became_of(result) for result in results] == [
        "DONE",
        "CAUSED_INCIDENT",
        "CONFLICT",
        "CONFLICT",
        "NOT_FOUND",
        "CONFLICT",
    ]
    assert results[0]["job"]["completedAt"]
    assert len(await engine.rows("incidents")) == 1
    assert len(await engine.rows("variables", names=["v"])) == 1


def what_became_of(item: Any) -> str:
    return str(item["job"]["state"] if "job" in item else item["problem"]["type"])


async def test_a_batch_under_a_key_takes_effect_once(engine: Client) -> None:
    items = [START, {**START, "version": "2"}, START]
    first = await start(engine, *items, Idempotency_Key="import 7")
    assert await start(engine, *items, Idempotency_Key="import 7") == first
    assert len(await engine.rows("process-instances")) == 2
    await engine.deploy(version="2")
    again = await start(engine, *items, Idempotency_Key="import 7")
    assert (again[0], again[2]) == (first[0], first[2])
    assert again[1]["processInstance"]["version"] == "2"


async def test_a_key_that_came_with_other_items_does_nothing_for_them(engine: Client) -> None:
    await start(engine, START, Idempotency_Key="once")
    (other,) = await start(engine, {**START, "workerId": "other"}, Idempotency_Key="once")
    assert (other["problem"]["status"], other["problem"]["type"]) == (409, "CONFLICT")
    assert len(await engine.rows("process-instances")) == 1


async def test_the_items_of_a_request_are_appended_together(engine: Client, database: str) -> None:
    await start(engine, START)
    await start(engine, *[START] * 100)
    connection: Any = await asyncpg.connect(database)
    try:
        appends = await connection.fetchval(APPENDS, "process_instance.started.v1")
    finally:
        await connection.close()
    assert appends <= 3


APPENDS = "select count(distinct recorded_at) from log.events where topic = $1"


APPENDS = "select count(distinct recorded_at) from log.events where topic = $1"


async def test_an_answer_says_which_position_all_its_items_are_read_at(engine: Client) -> None:
    answer = await engine.call("POST", "/process-instances/batch", {"items": [START] * 10})
    written = int(answer.headers["Annals-Position"])
    assert written > 10
    assert len((await engine.ok("POST", f"/process-instances/query?minPosition={written}", {}))["results"]) == 10
