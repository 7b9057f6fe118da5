"""The role prober: what it probes and when, and what comes of it for checks and incidents (incidents.md 0.5, 3.5)."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.composition import open_node
from infra.probing.outcomes import REFUSED
from infra.settings import InvalidSetting, Settings
from tests.contract.working import Client, engine_client
from tests.integration.probing_targets import page, served, silence

ROLES = ("api", "followers", "executor", "prober")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at checks often, probe new ones at once, and let a second pass in a twentieth of one."""
    monkeypatch.setattr("infra.probing.prober.LOOK_EVERY", 0.05)
    monkeypatch.setattr("infra.probing.prober.TICK", 0.02)
    monkeypatch.setattr("infra.probing.prober.RETRY_AFTER", 0.05)
    monkeypatch.setattr("infra.probing.schedule.FIRST_WITHIN", 0.05)


@asynccontextmanager
async def probing(database: str, region: str = "eu", **more: Any) -> AsyncIterator[Client]:
    """Run a node that probes from a region, and may probe loopback unless it is said otherwise."""
    settings = {"roles": ROLES, "prober_region": region, "prober_special_addresses": True, **more}
    async with engine_client(database, **settings) as client:
        yield client


async def made(client: Client, target: str, kind: str = "http", **more: Any) -> str:
    """Make a check, and return its id."""
    body = {"name": "Shop", "type": kind, "target_url": target, "timeout_ms": 2_000, "interval_seconds": 30, **more}
    check: str = (await client.ok("POST", "/api/checks", body))["data"]["check"]["id"]
    return check


async def shown(client: Client, check: str) -> Any:
    return (await client.ok("GET", f"/api/checks/{check}"))["data"]["check"]


async def results(database: str, check: str) -> list[Any]:
    """Return all results of a check, and who reported them, as the log has them."""
    async with open_node(
        Settings(database_url=database, roles=("followers",), secret_key=("pepper of tests",))
    ) as node:
        facts = await node.log.read(f"check-{check.removeprefix('chk_')}")
    return [
        (result.region, result.type, result.message, fact.actor.kind)
        for fact in facts
        for result in getattr(fact.event, "results", ())
    ]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110  (what is waited for is in the database)
            await asyncio.sleep(0.05)


async def test_a_check_is_probed_soon_after_it_was_made_and_is_up(database: str) -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as port, probing(database) as client:
        check = await made(client, f"http://127.0.0.1:{port}/")

        async def probed() -> bool:
            return (await shown(client, check))["last_checked_at"] is not None

        await until(probed)
        assert (await shown(client, check))["status"] == "up"
        await asyncio.sleep(0.5)
        assert len(heard) == 1, "well, it is not due again before its interval is over"
    assert await results(database, check) == [("eu", None, "", "monitor")]


async def test_a_failure_is_probed_again_twice_and_each_is_reported(database: str) -> None:
    heard: list[bytes] = []
    async with served(page("503 Busy", heard=heard)) as port, probing(database) as client:
        check = await made(client, f"http://127.0.0.1:{port}/")

        async def probed_thrice() -> bool:
            return len(heard) >= 3

        await until(probed_thrice)
        await asyncio.sleep(0.5)
        assert len(heard) == 3
        assert (await shown(client, check))["status"] == "up", "one region alone opens no incident"
    assert await results(database, check) == [("eu", "status_code", "expected 200 to 399, got 503", "monitor")] * 3


async def test_a_failure_that_passes_is_not_probed_a_third_time(database: str) -> None:
    statuses = iter(["503 Busy", "200 OK", "500 Never asked for"])
    heard: list[str] = []

    async def recovering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(next(statuses))
        await page(heard[-1])(reader, writer)

    async with served(recovering) as port, probing(database) as client:
        check = await made(client, f"http://127.0.0.1:{port}/")

        async def probed_twice() -> bool:
            return len(heard) >= 2

        await until(probed_twice)
        await asyncio.sleep(0.5)
    assert [kind for _, kind, *_ in await results(database, check)] == ["status_code", None]


async def test_probers_of_two_regions_agree_on_an_incident_and_on_its_end(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.probing.schedule.Schedule.take", always_due)
    status = ["500 Oops"]

    async def shop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await page(status[0])(reader, writer)

    async with served(shop) as port, probing(database) as client, probing(database, "us", roles=("prober",)):
        check = await made(client, f"http://127.0.0.1:{port}/")

        async def is_down() -> bool:
            return bool((await shown(client, check))["status"] == "down")

        async def is_up() -> bool:
            return bool((await shown(client, check))["status"] == "up")

        await until(is_down)
        (incident,) = (await client.ok("GET", f"/api/incidents?check_id={check}"))["data"]["incidents"]
        told = {"type": "status_code", "severity": "major", "source": "system", "title": "Shop - status_code"}
        assert incident.items() >= told.items()
        assert sorted(incident["affected_regions"]) == ["eu", "us"]
        status[0] = "200 OK"
        await until(is_up)
        (after,) = (await client.ok("GET", f"/api/incidents?check_id={check}"))["data"]["incidents"]
        assert (after["id"], after["status"]) == (incident["id"], "resolved")


async def test_a_probe_in_which_the_process_stood_still_is_not_reported(database: str) -> None:
    heard: list[bytes] = []

    async def suspended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        time.sleep(2.5)  # noqa: ASYNC251  (server and prober are one process here: both stand still)
        await page("200 OK", heard=heard)(reader, writer)

    async with served(suspended) as port, probing(database) as client:
        check = await made(client, f"http://127.0.0.1:{port}/", timeout_ms=1_000)

        async def probed() -> bool:
            return bool(heard)

        await until(probed)
        await asyncio.sleep(0.5)
    assert await results(database, check) == []


def always_due(schedule: Any, _now: float) -> list[Any]:
    return [due.check for due in schedule._due.values()]


async def test_two_probers_of_one_region_do_not_probe_twice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    monkeypatch.setattr("api.composition.holder", lambda: f"process {next(numbers)}")  # here both are in one
    heard: list[bytes] = []
    async with served(page(heard=heard)) as port, probing(database) as client, probing(database):
        checks = [await made(client, f"http://127.0.0.1:{port}/{number}") for number in range(5)]

        async def all_probed() -> bool:
            return all([(await shown(client, check))["last_checked_at"] for check in checks])

        await until(all_probed)
        await asyncio.sleep(0.5)
        assert len(heard) == 5


async def test_what_is_not_to_be_probed_from_here_is_left_alone(database: str) -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as port, engine_client(database) as client:
        target = f"http://127.0.0.1:{port}/"
        await made(client, target + "elsewhere", regions=["us", "ap"])
        here = await made(client, target + "here", regions=["us", "eu"])
        await made(client, target + "alive", "heartbeat")
        await made(client, target + "pinged", "ping")
        paused = await made(client, target + "paused")
        gone = await made(client, target + "gone")
        await client.ok("PATCH", f"/api/checks/{paused}", {"paused": True})
        await client.ok("DELETE", f"/api/checks/{gone}")
        async with probing(database):

            async def probed() -> bool:
                return (await shown(client, here))["last_checked_at"] is not None

            await until(probed)
            await asyncio.sleep(0.3)
            assert [asked.split()[1] for asked in heard] == [b"/here"]
            await client.ok("PATCH", f"/api/checks/{paused}", {"paused": False})

            async def resumed() -> bool:
                return (await shown(client, paused))["last_checked_at"] is not None

            await until(resumed)


async def test_checks_of_every_tenant_are_probed_in_their_tenants_name(database: str) -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as port, probing(database) as client:
        await client.ok("POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "free"})
        body = {"tenantId": "acme", "role": "operator", "name": "ops"}
        key = (await client.ok("POST", "/admin/keys", body))["key"]
        check = {"name": "Theirs", "type": "http", "target_url": f"http://127.0.0.1:{port}/theirs"}
        created = await client.ok("POST", "/api/checks", check, Authorization=key)
        path = f"/api/checks/{created['data']['check']['id']}"

        async def probed() -> bool:
            return (await client.ok("GET", path, Authorization=key))["data"]["check"]["last_checked_at"] is not None

        await until(probed)
    assert len(heard) == 1


async def test_without_the_setting_nothing_on_this_machine_is_probed(database: str) -> None:
    heard: list[bytes] = []
    async with served(page(heard=heard)) as port, probing(database, prober_special_addresses=False) as client:
        check = await made(client, f"http://127.0.0.1:{port}/")

        async def probed() -> bool:
            return (await shown(client, check))["last_checked_at"] is not None

        await until(probed)
    assert heard == []
    found = await results(database, check)
    assert set(found) == {("eu", "connection_error", REFUSED, "monitor")}


async def test_a_target_that_keeps_a_probe_waiting_does_not_keep_others_from_theirs(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.probing.prober.MOST_OF_A_TENANT", 2)
    monkeypatch.setattr("infra.probing.prober.MOST_AT_ONCE", 3)
    async with served(silence) as stuck, served(page()) as port, probing(database) as client:
        for number in range(6):
            await made(client, f"http://127.0.0.1:{stuck}/{number}", timeout_ms=60_000)
        await client.ok("POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "free"})
        body = {"tenantId": "acme", "role": "operator", "name": "ops"}
        key = (await client.ok("POST", "/admin/keys", body))["key"]
        check = {"name": "Theirs", "type": "http", "target_url": f"http://127.0.0.1:{port}/"}
        path = (
            f"/api/checks/{(await client.ok('POST', '/api/checks', check, Authorization=key))['data']['check']['id']}"
        )

        async def probed() -> bool:
            return (await client.ok("GET", path, Authorization=key))["data"]["check"]["last_checked_at"] is not None

        await until(probed)


async def test_a_prober_without_a_region_does_not_start(database: str) -> None:
    with pytest.raises(InvalidSetting, match="ANNALS_PROBER_REGION"):
        async with probing(database, region=""):
            pass
