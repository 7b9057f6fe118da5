"""The database, for commands that work on it: the configured one, or else the embedded one, running or not."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import click
import msgspec
import structlog

from api.composition import Node, open_node
from infra.data_directory import DataDirectory
from infra.embedded_postgres import reachable_postgres
from infra.migrating import migrate
from infra.postgres import Link, check_server, connect
from infra.secret_key import load_secret_key
from infra.settings import Settings, read_settings

LEVELS = {"debug": logging.DEBUG, "info": logging.WARNING, "warning": logging.WARNING, "error": logging.ERROR}


#: What is true of a database in which a node has been started once.
FOUNDED = "select exists (select from log.events)"


@asynccontextmanager
async def opened(*, founding: bool = False) -> AsyncIterator[Node]:
    """Open a node that runs nothing, on the database that the settings lead to.

    Refuse when there is no deployment, but for what is ``founding`` one: the settings may lead to the wrong place.
    """
    settings = read_settings()
    only_warnings(settings)
    if not (founding or settings.database_url or DataDirectory(settings.data_dir).whereabouts()):
        raise _no_deployment(settings)
    # Keys hashed under another secret than the nodes' would open nothing.
    load_secret_key(settings.secret_key, settings.data_dir, make=settings.database_url is None)
    async with _reached(settings) as dsn:
        if not (founding or await _is_founded(dsn)):
            raise _no_deployment(settings)
        aside = msgspec.structs.replace(settings, database_url=dsn, roles=("api",))
        async with open_node(aside) as node:
            if node.founded is not None:
                click.echo(f"owner key of tenant default, shown this once: {node.founded.key}", err=True)
            async with node.roles.whole():  # whoever follows the log must not follow one that has lost facts
                yield node


async def require_tenant(node: Node, tenant: str | None) -> None:
    """Refuse a tenant that is not registered: a slip would look like one about whom there is nothing to tell."""
    if tenant is not None and await node.records.tenant(tenant) is None:
        raise click.ClickException(f"tenant {tenant} could not be found")


@asynccontextmanager
async def reached() -> AsyncIterator[str]:
    """Lead to the database itself, migrated, with no node on it: nothing is founded there."""
    settings = read_settings()
    only_warnings(settings)
    async with _reached(settings) as dsn:
        await check_server(dsn)
        await migrate(dsn)
        yield dsn


def only_warnings(settings: Settings) -> None:
    """Keep the log off the terminal but for what matters."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _no_deployment(settings: Settings) -> click.ClickException:
    place = "the database" if settings.database_url else settings.data_dir.absolute()
    return click.ClickException(
        f"there is no deployment in {place}: `annals serve` founds one, "
        "ANNALS_DATA_DIR or ANNALS_DATABASE_URL leads to one that is elsewhere"
    )


async def _is_founded(dsn: str) -> bool:
    connection = await connect(dsn, Link(name="command line"))
    try:
        if await connection.fetchval("select to_regclass('log.events')") is None:
            return False
        return bool(await connection.fetchval(FOUNDED))
    finally:
        await connection.close()


def _reached(settings: Settings) -> AbstractAsyncContextManager[str]:
    return nullcontext(settings.database_url) if settings.database_url else reachable_postgres(settings.data_dir)
