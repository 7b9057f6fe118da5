"""Rows as heavy as they may be: an answer has to fit into memory, whatever limit is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.fuzz.target import MODEL, PROCESS, Target

pytestmark = pytest.mark.usefixtures("unharmed")

MIB = 1_048_576

#: Bytes of heavy texts in a page, and of values in an answer (projections).
PAGE = 16 * MIB
VALUES = 64 * MIB

#: A hundred tags of 510 bytes and more.
TAGS = [{"name": f"{number:03}" + "n" * 252, "value": "v" * 255} for number in range(100)]
HEAVY = 340


async def at_once(many: int, work: Callable[[int], Awaitable[Any]]) -> list[Any]:
    gate = asyncio.Semaphore(8)

    async def one(number: int) -> Any:
        async with gate:
            return await work(number)

    return await asyncio.gather(*map(one, range(many)))


async def pages(target: Target, path: str) -> list[list[int]]:
    """Ask for everything, page by page; return the ids in each."""
    found: list[list[int]] = []
    while True:
        offset = sum(map(len, found))
        rows = (await target.done("POST", f"{path}?limit=10000&offset={offset}", {}))["results"]
        if not rows:
            return found
        found.append([row["id"] for row in rows])


async def test_a_page_ends_before_it_weighs_too_much_and_the_next_one_goes_on(target: Target) -> None:
    for version in range(HEAVY):
        deployment = {
            "bpmnProcessId": PROCESS,
            "version": str(version),
            "bpmnXml": MODEL,
            "workerId": "w",
            "tags": TAGS,
        }
        await target.done("POST", "/processes", deployment)
    begin = {"bpmnProcessId": PROCESS, "version": "0", "workerId": "w", "tags": TAGS}
    await at_once(HEAVY, lambda _: target.done("POST", "/process-instances", begin))
    for path in ("/processes/query", "/process-instances/query"):
        first, *others = await pages(target, path)
        assert 0.9 * PAGE < len(first) * 55_000 < 1.2 * PAGE
        everything = [row for page in (first, *others) for row in page]
        assert len(everything) >= HEAVY
        assert everything == sorted(set(everything))


async def test_errors_count_as_weight_too(target: Target) -> None:
    await target.done(
        "POST", "/processes", {"bpmnProcessId": PROCESS, "version": "e", "bpmnXml": MODEL, "workerId": "w"}
    )
    begin = {"bpmnProcessId": PROCESS, "version": "e", "workerId": "w"}
    await at_once(450, lambda _: target.done("POST", "/process-instances", begin))
    jobs = (await target.done("POST", "/jobs/lock", {"limit": 450, "workerId": "w"}))["jobs"]
    failed = {"workerId": "w", "error": "\U0001f525" * 10_000}
    await at_once(
        len(jobs),
        lambda n: target.done("PATCH", f"/jobs/{jobs[n]['partition']}/{jobs[n]['id']}/complete", failed),
    )
    first, *others = await pages(target, "/jobs/query")
    assert len(first) < 450 <= len(first) + sum(map(len, others))


async def test_values_that_are_too_much_for_one_answer_are_given_by_name(target: Target) -> None:
    deployment = {"bpmnProcessId": PROCESS, "version": "v", "bpmnXml": MODEL, "workerId": "w"}
    await target.done("POST", "/processes", deployment)
    begin = {"bpmnProcessId": PROCESS, "version": "v", "workerId": "w"}
    instance = await target.done("POST", "/process-instances", begin)
    path = f"/process-instances/{instance['partition']}/{instance['id']}/variables"
    large = {"encoding": "text", "value": "x" * 1_000_000}

    async def put(number: int) -> None:
        await target.done("PUT", path, {"workerId": "w", "variables": [{"name": f"v{number}", "data": large}]})

    await at_once(67, put)
    assert (await target.done("GET", path))["count"] == 67
    await put(67)
    refused = await target.ask("GET", path)
    assert (refused.status, refused.told["type"]) == (400, "VALIDATION")
    (one,) = (await target.done("GET", f"{path}?names=v67"))["variables"]
    assert one["data"]["value"] == large["value"]
