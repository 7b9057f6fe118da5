"""The short form of the campaign of followers, and its control; the long form is a command (feed_followers.py)."""

import asyncio
import random
from pathlib import Path

import pytest

from infra.event_feed.listening import Listener
from tests.contract.eventing import OWNER, served_events
from tests.faults import naive_streams
from tests.faults.feed_clients import ByStream
from tests.faults.feed_followers import differences, follow_and_kill, log_as_it_is_told, noted_last


async def test_followers_are_told_every_event_once_and_in_order_while_their_nodes_are_killed(
    open_directory: Path,
) -> None:
    told, violations = await follow_and_kill(open_directory / "followed", events=2_000, seconds=6, seed=60)
    print(told)
    assert not violations


async def test_streams_that_skip_what_comes_between_the_past_and_the_present_are_caught(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _told_wrongly(database) == []
    monkeypatch.setattr(Listener, "more", naive_streams.more)
    (sentence,) = await _told_wrongly(database)
    assert "events skipped, the first at" in sentence


async def _told_wrongly(database: str) -> list[str]:
    """Have a stream come and go beside a writer, and return what it was told that was wrong."""
    async with served_events(database) as served:
        follower = ByStream("stream", [served.serving.url], random.Random(61), stays=30)
        follower.key = OWNER
        following = asyncio.create_task(follower.follow())
        for _ in range(200):
            await served.client.noted(1)
            await asyncio.sleep(0.01)
        last = await noted_last(served.client, [follower])
        await following
        return differences(follower, await log_as_it_is_told(database, last))
