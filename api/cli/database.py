"""The database, for commands that work on it: the configured one, or else the embedded one, running or not."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import click
import msgspec
import structlog

from api.composition import Node, open_node
from infra.embedded_postgres import reachable_postgres
from infra.migrating import migrate
from infra.postgres import check_server
from infra.secret_key import load_secret_key
from infra.settings import Settings, read_settings

LEVELS = {"debug": logging.DEBUG, "info": logging.WARNING, "warning": logging.WARNING, "error": logging.ERROR}


@asynccontextmanager
async def opened() -> AsyncIterator[Node]:
    """Open a node that runs nothing, on the database that the settings lead to."""
    settings = read_settings()
    only_warnings(settings)
    # Keys hashed under another secret than the nodes' would open nothing.
    load_secret_key(settings.secret_key, settings.data_dir, make=settings.database_url is None)
    async with _reached(settings) as dsn:
        aside = msgspec.structs.replace(settings, database_url=dsn, roles=("api",))
        async with open_node(aside) as node:
            if node.founded is not None:
                click.echo(f"owner key of tenant default, shown this once: {node.founded.key}", err=True)
            async with node.roles.whole():  # whoever follows the log must not follow one that has lost facts
                yield node


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


def _reached(settings: Settings) -> AbstractAsyncContextManager[str]:
    return nullcontext(settings.database_url) if settings.database_url else reachable_postgres(settings.data_dir)
