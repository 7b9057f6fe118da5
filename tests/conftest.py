"""A real PostgreSQL for all tests: one server a session, a database of its own for each test that asks for one.

A node takes as long to start as most tests take to run: modules of small tests share one.
"""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.migrating import migrate

NUMBERS = itertools.count(1)
TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")  # noqa: S108  (the directory made in it has a random name)
MEMORY_BYTES = 4 << 30

# A shell that runs this in the background has it ignore Ctrl-C, and so would every command that a test stops by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """Return a temporary directory that also PostgreSQL's unprivileged user may pass through (pytest's own is 0700).

    Making and dropping databases is what the tests wait for most, ten times less where the files are in memory.
    """
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    path = Path(tempfile.mkdtemp(prefix="annals-tests-", dir=MEMORY if roomy else None))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def postgres_server(open_directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    """Return the session's server; ``dsn(database)`` is the URL of a database on it."""
    async with EmbeddedPostgres(open_directory / "session", homes=[]) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """Return the name of a migrated database that the tests' databases are copied from."""
    await _administer(postgres_server, f"create database {TEMPLATE}")
    await migrate(postgres_server.dsn(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def empty_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """Return the URL of an empty database, which goes away after the test."""
    async for dsn in _database_from(postgres_server, "template0"):
        yield dsn


@pytest.fixture
async def database(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """Return the URL of a database with every migration applied, which goes away after the test."""
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


@pytest.fixture(scope="module")
async def shared_database(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """Return the same, for all tests of a module: those whose tests look at nothing but what they made themselves."""
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


async def _database_from(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    await _administer(server, f"create database {name} template {template}")
    yield server.dsn(name)
    await _administer(server, f"drop database {name} with (force)")


async def _administer(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
