"""Commands at a terminal, led to a database in which nothing has ever been recorded."""

import click
import pytest

from api.cli.database import opened
from tests.integration.delivering import executed


@pytest.fixture(autouse=True)
def settings(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNALS_DATABASE_URL", database)
    monkeypatch.setenv("ANNALS_SECRET_KEY", "pepper of the tests of commands")


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
