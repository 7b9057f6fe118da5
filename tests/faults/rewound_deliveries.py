"""What a receiver of webhooks, the feed and the chain of hashes tell of a log that has lost facts, put side by side."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.e2e.command_line import annals
from tests.faults.client import Client
from tests.faults.outages import SECRET
from tests.integration.delivering import Received, Receiver

PATIENCE = 60.0


async def webhook_to(client: Client, receiver: Receiver) -> None:
    """Have everything delivered from now on."""
    await client.done("POST", "/webhooks", {"url": receiver.url})


async def arrived(receiver: Receiver, first: int, last: int, source: str | None = None) -> Sequence[Received]:
    """Wait until the events of all these positions have come, of one source; return all that has come of them."""
    wanted = set(range(first, last + 1))
    async with asyncio.timeout(PATIENCE):
        while not wanted <= {int(one.event["id"]) for one in _of(receiver, source)}:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.02)
    return [one for one in _of(receiver, source) if int(one.event["id"]) in wanted]


async def chained(client: Client, position: int) -> str:
    """Wait until the chain of hashes goes as far; return the head there, or behind it."""
    async with asyncio.timeout(PATIENCE):
        while (told := await client.done("GET", "/audit/head"))["position"] < position:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.05)
    return str(told["head"])


async def require_told_anew(client: Client, receiver: Receiver, began_after: int) -> None:
    """Have everything delivered that the log has by now, and require what holds for ids, bytes and the feed."""
    events = {int(event["id"]): event for event in (await client.done("GET", "/events?limit=1000"))["events"]}
    source = events[max(events)]["source"]
    anew = await arrived(receiver, began_after + 1, max(events), source)
    assert all(_told(one) == _said(events[int(one.event["id"])]) for one in anew), "the feed tells the same"
    before = [one for one in _of(receiver) if one.event["source"] != source]
    again = {one.event["id"] for one in before} & {one.event["id"] for one in anew}
    assert again, "positions were given again, and told again"
    bodies: dict[str, set[bytes]] = {}
    for one in receiver.received:
        bodies.setdefault(one.id, set()).add(one.body)
    assert {len(of_id) for of_id in bodies.values()} == {1}, "no id is of two events"
    assert {one.id.count("-") for one in before} == {1}
    assert {one.id.count("-") for one in anew} == {2}
    await chained(client, max(events))


def require_found(dsn: str, lost_head: str) -> None:
    """Audit the log that goes on: all is well but that it is not the one of which a head was kept."""
    well = annals("audit", "verify", "--log-only", database_url=dsn, secret_key=SECRET)
    assert well.code == 0, (well.out, well.err)
    found = annals("audit", "verify", "--log-only", "--head", lost_head, database_url=dsn, secret_key=SECRET)
    assert found.code == 1
    assert found.out.startswith("heads: ")
    assert len(found.out.splitlines()) == 1


def _of(receiver: Receiver, source: str | None = None) -> list[Received]:
    return [one for one in receiver.received if source in (None, one.event["source"])]


def _told(one: Received) -> Any:
    return {name: value for name, value in one.event.items() if name != "webhooksequence"}


def _said(event: Any) -> Any:
    """Return an event of the feed without the address of its schema, which is relative to who asks."""
    return {name: value for name, value in event.items() if name != "dataschema"}
