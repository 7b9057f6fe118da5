"""``GET /events/stream`` and long polling: live, resumed, slow, refused, over when the node stops (docs/events.md)."""

import asyncio
import itertools
import time

import pytest

from api import connections
from api.log.seats import Seats
from api.log.stream import Pulse
from domain.intakes.events import AlertRaised
from infra.event_feed.feed import LATEST, SOONEST
from infra.event_feed.live import Keeping
from infra.event_feed.pages import Bounds
from tests.contract.eventing import ServedEvents, Sse, event_client, positions, served_events
from tests.contract.feeding import BREACH
from tests.integration.following_stage import append


async def test_a_stream_tells_the_past_and_then_what_comes(database: str) -> None:
    async with served_events(database) as served:
        head = await served.client.noted(5)
        sse = await served.listen("after=3")
        past = await sse.events(head - 3)
        assert positions(past) == list(range(4, head + 1))
        assert past == (await served.client.events("after=3"))["events"]
        await served.client.noted(4)
        kind, event = await sse.event() or ("", {})
        assert (kind, event["id"], sse.last_id) == ("alert.raised.v1", str(head + 1), str(head + 1))
        assert positions(await sse.events(3)) == [head + 2, head + 3, head + 4]


async def test_a_stream_that_is_resumed_twenty_times_misses_nothing_and_repeats_nothing(database: str) -> None:
    async with served_events(database) as served:
        began = await served.node.log.head()
        writing = asyncio.create_task(_written(served, 400))
        seen: list[int] = []
        last = str(began)
        for turn in itertools.count():
            sse = await served.listen("after=0", Last_Event_ID=last)
            seen += positions(await sse.events(15 if turn < 20 else 400 - len(seen)))
            last = sse.last_id
            await sse.close()
            if len(seen) >= 400:
                break
        await writing
        assert turn >= 20
        assert seen == list(range(began + 1, began + 401))


async def _written(served: ServedEvents, number: int) -> None:
    for _ in range(number // 4):
        await served.client.noted(4)
        await asyncio.sleep(0.002)


async def test_many_listeners_are_told_the_same_by_one_reader(database: str) -> None:
    async with served_events(database, roles=("api",)) as served:
        began = await served.node.log.head()
        streams = [await served.listen(f"after={began}") for _ in range(10)]
        await asyncio.sleep(0.2)
        before = await _reads(served)
        await asyncio.gather(_written(served, 100), *(_followed(sse, began) for sse in streams))
        reads = await _reads(served) - before
        assert reads < 300  # ten readers of a hundred commits would have been a thousand


async def test_each_listener_is_asked_to_come_back_at_a_time_of_its_own(database: str) -> None:
    async with served_events(database) as served:
        streams = [await served.listen("after=0") for _ in range(10)]
        for sse in streams:
            await sse.event()
        retries = [sse.retry for sse in streams]
        assert all(SOONEST <= retry <= LATEST for retry in retries), retries
        assert len(set(retries)) > 1  # ten times the same of 4,001 is not by chance


async def _followed(sse: Sse, began: int) -> None:
    assert positions(await sse.events(100)) == list(range(began + 1, began + 101))


async def _reads(served: ServedEvents) -> int:
    """Return how often the table of events was read by an index, by sessions that have said so by now."""
    await asyncio.sleep(1.1)  # sessions tell once a second
    count: int = await served.node.pools.followers.fetchval(
        "select idx_scan from pg_stat_user_tables where schemaname = 'log' and relname = 'events'"
    )
    return count


async def test_a_stream_passes_on_only_what_its_filters_and_its_tenant_let_through(database: str) -> None:
    async with served_events(database, pulse=Pulse(heartbeat=0.2)) as served:
        key = await served.client.tenant("acme")
        began = await served.node.log.head()
        sse = await served.listen(f"after={began}&type=incident.*", key)
        await served.client.appended("alert-a", BREACH)
        await served.client.noted(3, "alert-b", tenant="acme")
        mine = await served.client.appended("alert-c", BREACH, tenant="acme")
        (event,) = await sse.events(1)
        assert (event["id"], event["tenant"]) == (str(mine), "acme")
        head = await served.client.noted(3, "alert-b")
        async with asyncio.timeout(5):
            while sse.last_id != str(head):
                await _comment(sse)


async def _comment(sse: Sse) -> None:
    """Read for a while though no event comes."""
    with pytest.raises(TimeoutError):
        await sse.event(0.3)


async def test_in_silence_there_is_a_sign_of_life_that_moves_the_position_on(database: str) -> None:
    async with served_events(database, pulse=Pulse(heartbeat=0.1)) as served:
        head = await served.node.log.head()
        sse = await served.listen(f"after={head}&type=incident.opened.v1")
        await _comment(sse)
        assert sse.comments
        assert sse.last_id == str(head)


async def test_a_client_that_is_slow_is_told_so_and_goes_on_where_it_was(database: str) -> None:
    keeping = Keeping(facts=200, at_once=Bounds(facts=50))
    async with served_events(database, keeping) as served:
        began = await served.node.log.head()
        sse = await served.listen(f"after={began}", receive=1_000)
        await served.client.noted(1)
        assert positions(await sse.events(1)) == [began + 1]
        text = "x" * 20_000
        for number in range(1_000):
            await served.client.appended("alert-b", AlertRaised(text), expected=number)
        seen = [began + 1]
        while (told := await sse.event()) is not None and told[0] != "end":
            seen.append(int(told[1]["id"]))
        assert told is not None
        assert (told[1]["reason"], told[1]["next"], sse.last_id) == ("slow", str(seen[-1]), str(seen[-1]))
        assert await sse.event() is None
        assert seen == list(range(began + 1, seen[-1] + 1))
        assert seen[-1] < began + 1_001
        resumed = await served.listen(Last_Event_ID=sse.last_id)
        rest = await resumed.events(began + 1_001 - seen[-1])
        assert positions(rest) == list(range(seen[-1] + 1, began + 1_002))


async def test_who_takes_the_past_slowly_but_steadily_gets_all_of_it_and_who_takes_nothing_is_cut_off(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(connections, "LOOK", 0.1)
    async with served_events(database) as served:
        began = await served.node.log.head()
        for number in range(10):
            await served.client.appended(
                "alert-a", *(AlertRaised("x" * 32_000) for _ in range(50)), expected=50 * number
            )
        slow = await served.listen(f"after={began}", receive=8_192)
        deaf = await served.listen(f"after={began}", receive=8_192)
        seen = []
        async with asyncio.timeout(60):
            for _ in range(25):  # for longer than twice the time, with more to send at every moment
                seen += await slow.events(1)
                await asyncio.sleep(0.2)
        seen += await slow.events(500 - len(seen))
        assert positions(seen) == list(range(began + 1, began + 501))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await deaf.events(500)


async def test_streams_and_waits_end_in_order_when_the_node_stops(database: str) -> None:
    async with served_events(database) as served:
        head = await served.node.log.head()
        sse = await served.listen(f"after={head}")
        waiting = asyncio.create_task(served.client.events(f"after={head}&wait=30"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        stopping = asyncio.create_task(served.serving._stop())
        assert await sse.event() == (
            "end",
            {"reason": "stopping", "next": str(head), "detail": "the node is about to stop"},
        )
        assert await waiting == {"events": [], "next": str(head)}
        await sse.close()
        await stopping
        assert time.monotonic() - began < 3


async def test_a_stream_ends_when_its_key_is_revoked(database: str) -> None:
    async with served_events(database, pulse=Pulse(look=0.2)) as served:
        issued = await served.client.ok(
            "POST", "/admin/keys", {"tenantId": "default", "role": "auditor", "name": "eye"}
        )
        sse = await served.listen(f"after={await served.node.log.head()}", issued["key"])
        await served.client.ok("DELETE", f"/admin/keys/{issued['id']}")
        told = [await sse.event(), await sse.event()]
        assert [one and one[0] for one in told] == ["key.revoked.v1", "end"]
        assert told[1] is not None
        assert told[1][1]["reason"] == "credential"


async def test_a_stream_goes_on_where_it_was_when_the_database_cuts_the_readers_off(database: str) -> None:
    async with served_events(database) as served:
        began = await served.node.log.head()
        sse = await served.listen(f"after={began}")
        writing = asyncio.create_task(_written(served, 400))
        for _ in range(5):
            await served.node.pools.followers.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'annals queries' and datname = current_database()"
            )
            await asyncio.sleep(0.1)
        assert positions(await sse.events(400)) == list(range(began + 1, began + 401))
        await writing


async def test_a_stream_ends_before_an_event_that_cannot_be_read(database: str) -> None:
    async with served_events(database) as served:
        began = await served.client.noted(1)
        sse = await served.listen(f"after={began}")
        await asyncio.sleep(0.2)
        await append(served.node.pools.commands, ("alert.raised.v1", b'{"incident":"1"}'), ("job.lost.v9", b"{}"))
        kinds = [await sse.event(), await sse.event()]
        assert [told and told[0] for told in kinds] == ["alert.raised.v1", "end"]
        assert kinds[1] is not None
        assert (kinds[1][1]["reason"], kinds[1][1]["next"]) == ("unreadable", str(began + 1))
        assert (await served.tried(Last_Event_ID=str(began + 1)))[1] == 503


async def test_so_many_may_listen_at_once_and_a_seat_that_is_left_is_free(database: str) -> None:
    async with served_events(database, seats=Seats(3, 2)) as served:
        other = await served.client.key("auditor")
        last = await served.client.key("auditor", name="late")
        first, second = await served.listen(), await served.listen()
        assert (await served.tried())[1] == 429
        head = await served.node.log.head()
        waiting = await served.client.asked(f"after={head}&wait=5")
        assert waiting.status_code == 429
        assert waiting.headers["retry-after"]
        third = await served.listen(key=other)
        assert (await served.tried(key=last))[1] == 429
        await first.close()
        async with asyncio.timeout(5):
            while (await served.tried())[1] == 429:
                pass
        for sse in (second, third):
            await sse.close()


async def test_who_goes_away_from_a_long_poll_leaves_the_seat(database: str) -> None:
    seats = Seats(3, 2)
    async with served_events(database, seats=seats) as served:
        head = await served.node.log.head()
        for _ in range(4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(served.client.events(f"after={head}&wait=30"), 0.3)
            async with asyncio.timeout(5):
                while seats._taken.total():  # noqa: ASYNC110  (the server notices in its own time)
                    await asyncio.sleep(0.01)


async def test_a_position_that_is_none_or_beyond_the_end_begins_no_stream(database: str) -> None:
    async with served_events(database) as served:
        assert (await served.tried("after=100000"))[1] == 400
        for last in ("x", "-1", "100000", "99999999999999999999"):
            assert (await served.tried(Last_Event_ID=last))[1] == 400


async def test_a_long_poll_wakes_within_a_tenth_of_a_second(database: str) -> None:
    async with event_client(database) as client:
        took = []
        for _ in range(10):
            head = await client.node.log.head()
            polling = asyncio.create_task(client.events(f"after={head}&wait=20"))
            await asyncio.sleep(0.15)
            await client.noted(1)
            began = time.monotonic()
            page = await polling
            took.append(time.monotonic() - began)
            assert positions(page["events"]) == [head + 1]
            assert page["next"] == str(head + 1)
        assert sorted(took)[len(took) // 2] < 0.1
        assert max(took) < 0.5


async def test_a_long_poll_waits_for_what_it_wants_and_no_longer_than_it_said(database: str) -> None:
    async with event_client(database) as client:
        head = await client.node.log.head()
        polling = asyncio.create_task(client.events(f"after={head}&wait=20&type=incident.opened.v1"))
        await asyncio.sleep(0.1)
        await client.noted(5)
        await asyncio.sleep(0.2)
        assert not polling.done()
        position = await client.appended("alert-b", BREACH)
        assert positions((await polling)["events"]) == [position]
        began = time.monotonic()
        assert await client.events(f"after={position}&wait=1") == {"events": [], "next": str(position)}
        assert 0.9 < time.monotonic() - began < 2
