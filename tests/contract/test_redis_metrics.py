"""``annals_redis_up`` follows Redis down and up again, for each use that a node makes of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra import redis_client
from tests.contract.administering import OWNER, Callers, callers
from tests.integration.redis_server import RedisServer, redis_server

USES = ("doorbell", "limits")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


async def until(node: Callers, up: int) -> None:
    """Send requests that have a limit until Redis is seen up, or down, for all uses."""
    async with asyncio.timeout(30):
        while True:
            assert (await node.ask(OWNER, "GET", "/v1/incidents")).status_code == 200
            text = (await node.client.get("/metrics")).text
            if all(f'annals_redis_up{{use="{use}"}} {up}.0' in text for use in USES):
                return
            await asyncio.sleep(0.1)


async def test_redis_is_shown_down_while_nodes_do_without_it(
    database: str, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "PAUSE", 0.2)
    async with callers(database, redis_url=redis.url) as node:
        await until(node, 1)
        await redis.kill()
        await until(node, 0)
        await redis.start()
        await until(node, 1)
