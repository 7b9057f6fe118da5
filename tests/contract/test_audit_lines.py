"""The audit as lines over TCP: as long as it takes, never cut short unnoticed, ended when nobody reads any more."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from api.audit import exporting
from domain.intakes.events import AlertRaised
from infra.event_feed.pages import Bounds
from tests.contract.eventing import OWNER, ServedEvents, served_events

LINES = {"Authorization": OWNER}


@pytest.fixture
async def served(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServedEvents]:
    monkeypatch.setattr(exporting, "AT_ONCE", Bounds(facts=50, read=200))
    async with served_events(database) as one:
        yield one


async def test_lines_go_on_to_where_the_log_ended_when_they_were_asked_for(served: ServedEvents) -> None:
    head = await served.client.noted(2_000)
    seen = 0
    async with served.client.http.stream("GET", "/audit?format=ndjson", headers=LINES) as answer:
        assert answer.headers["annals-position"] == str(head)
        async for line in answer.aiter_lines():
            seen += 1
            assert json.loads(line)["position"] == seen
            if seen == 100:
                await served.client.appended("alert-late", AlertRaised("late"), expected=0)
    assert seen == head


async def test_lines_that_break_off_have_no_end_and_can_be_gone_on_with(
    served: ServedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await served.client.noted(2_000)
    page, asked = exporting.Export._page, 0

    async def failing(export: exporting.Export, after: int, left: int | None) -> object:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise ConnectionError("the database is gone")
        return await page(export, after, left)

    monkeypatch.setattr(exporting.Export, "_page", failing)
    seen: list[int] = []

    async def read() -> None:
        async with served.client.http.stream("GET", "/audit?format=ndjson", headers=LINES) as answer:
            async for line in answer.aiter_lines():
                seen.append(json.loads(line)["position"])  # noqa: PERF401  (what was seen counts though it breaks off)

    with pytest.raises(httpx.RemoteProtocolError):
        await read()
    assert seen == list(range(1, 201))
    rest = await served.client.call("GET", f"/audit?format=ndjson&after={seen[-1]}")
    assert [json.loads(line)["position"] for line in rest.text.splitlines()] == list(range(201, head + 1))


async def test_an_export_ends_when_its_client_has_gone(served: ServedEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    await served.client.noted(2_000)
    page, going, left_alone = exporting.Export._page, asyncio.Event(), asyncio.Event()
    asked = 0

    async def slow(export: exporting.Export, after: int, left: int | None) -> object:
        nonlocal asked
        asked += 1
        going.set()
        if asked > 1:
            await left_alone.wait()
        return await page(export, after, left)

    monkeypatch.setattr(exporting.Export, "_page", slow)
    async with served.client.http.stream("GET", "/audit?format=csv", headers=LINES) as answer:
        assert answer.status_code == 200
        await going.wait()
    left_alone.set()
    await asyncio.sleep(1.0)
    assert asked < 10, "it does not read on for nobody"
