"""Commands at a terminal: where there is no deployment, and when the log loses facts under one that lasts."""

import asyncio
from collections.abc import Iterator

import click
import pytest
import structlog

from api.cli.database import opened
from api.roles import RoleEnded
from tests.integration.appending import context, decision, instance, passed
from tests.integration.delivering import executed
from tests.integration.test_continuity import SET_BACK


@pytest.fixture(autouse=True)
def settings(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead commands to the database. They keep the log off the terminal, and here off the tests that come after."""
    monkeypatch.setenv("ANNALS_DATABASE_URL", database)
    monkeypatch.setenv("ANNALS_SECRET_KEY", "pepper of the tests of commands")
    logging = structlog.get_config()
    yield
    structlog.configure(**logging)


async def following(database: str) -> None:
    """Do what lasts, while the log loses what has been read of it."""
    async with opened(founding=True) as node:
        position = await node.log.append(decision(instance(1), 0, passed()), context())
        await executed(database, SET_BACK.format(position - 1))
        await asyncio.Event().wait()


async def test_a_command_that_knows_what_the_log_has_lost_ends_and_says_so(database: str) -> None:
    with pytest.raises(RoleEnded, match="the log has lost facts"):
        await asyncio.wait_for(following(database), 30)


async def lasting(begun: asyncio.Event) -> None:
    async with opened(founding=True):
        begun.set()
        await asyncio.Event().wait()


async def test_a_command_that_somebody_stops_is_stopped() -> None:
    begun = asyncio.Event()
    command = asyncio.create_task(lasting(begun))
    await begun.wait()
    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command


async def refused() -> str:
    with pytest.raises(click.ClickException) as caught:
        async with opened():
            pytest.fail("it went on")
    return str(caught.value)


async def test_a_database_without_a_deployment_is_no_place_for_commands() -> None:
    assert "there is no deployment in the database" in await refused()


async def test_a_database_that_is_another_programs_is_left_as_it_is(database: str) -> None:
    await executed(database, "drop schema log cascade")
    assert "there is no deployment in the database" in await refused()
    await executed(database, "create schema log")  # nobody has made it anew


async def test_what_founds_a_deployment_may_begin_there() -> None:
    async with opened(founding=True) as node:
        assert node.founded is not None
    async with opened() as node:
        assert node.founded is None
