"""Commands at a terminal that last, such as following the log, when the log loses facts under them."""

import asyncio

import pytest

from api.cli.database import opened
from api.roles import RoleEnded
from tests.integration.appending import context, decision, instance, passed
from tests.integration.delivering import executed
from tests.integration.test_continuity import SET_BACK


@pytest.fixture(autouse=True)
def settings(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNALS_DATABASE_URL", database)
    monkeypatch.setenv("ANNALS_SECRET_KEY", "pepper of the tests of commands")


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
