"""Bring a database's schema up to date: numbered SQL files, each applied once, in order, in a transaction of its own.

A file is ``NNNN_name.sql`` in ``infra/migrations``; it is never edited once released, for databases have applied it as
it was. What was applied is recorded in ``log.migrations``, with the hash of the text.
"""

import asyncio
import hashlib
import re
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from infra.outages import is_outage
from projections.database import Database

MIGRATIONS = Path(__file__).with_name("migrations")
FILE_NAME = re.compile(r"(\d{4})_\w+\.sql", re.ASCII)
LOCK = 0x616E6E616C73  # "annals": the advisory lock under which one node migrates and the others wait

CREATE_TABLE = """
create schema if not exists log;
create table if not exists log.migrations (
    number     integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
)
"""

#: Seconds that a file waits for each lock, in which everyone else waits behind it, and from one try to the next.
LOCK_SECONDS = 1.0
PAUSE_SECONDS = 10.0

NEWER = "select name from log.migrations where number <> all ($1::integer[]) order by number desc limit 1"

RECORD = "insert into log.migrations (number, name, sha256) values ($1, $2, $3)"

log = structlog.get_logger(__name__)


class MigrationRefused(Exception):
    """The database and the migrations do not go together."""


class Migration(msgspec.Struct, frozen=True):
    """One file: its number, its name, its text."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """Read the files in the order of their numbers; raise ``MigrationRefused`` when two have one number."""
    migrations: list[Migration] = []
    for path in sorted(directory.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationRefused(f"{path.name} should be called NNNN_name.sql")
        if migrations and migrations[-1].number == int(match[1]):
            raise MigrationRefused(f"{path.name} has the number of {migrations[-1].name}")
        migrations.append(Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")))
    return migrations


@cache
def known_migrations() -> frozenset[int]:
    """Return the numbers that this process knows, whatever becomes of its files while it runs."""
    return frozenset(migration.number for migration in read_migrations())


async def newer_migration(database: Database, known: Collection[int]) -> str | None:
    """Return the name of the last migration that was applied by a release newer than one that knows these, if any."""
    name: str | None = await database.fetchval(NEWER, list(known))
    return name


async def migrate(dsn: str, directory: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return its names; two nodes that start at once apply each file once.

    A file that cannot have a table at once, because a backup reads it for hours, is tried again until it can: nodes of
    the release before work on meanwhile.

    Raise ``MigrationRefused`` when an applied file was edited or is unknown to this release, or does not apply: then
    those before it stay applied and nothing of it is.
    """
    migrations = read_migrations(directory)
    applied = []
    connection = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "annals migrate"})
    try:
        while (migration := await _apply_patiently(connection, migrations)) is not None:
            applied.append(migration.name)
            log.info("applied a migration", name=migration.name)
    finally:
        await connection.close()
    return applied


async def _apply_patiently(connection: Any, migrations: Sequence[Migration]) -> Migration | None:
    """Apply the next migration, however often it takes to get its locks."""
    while True:
        try:
            return await _apply_next(connection, migrations)
        except asyncpg.LockNotAvailableError as error:
            log.warning("a migration waits for a table that somebody uses", error=str(error))
            await asyncio.sleep(PAUSE_SECONDS)


async def _apply_next(connection: Any, migrations: Sequence[Migration]) -> Migration | None:
    """Apply the first missing migration; the lock lasts as long as the transaction, in which it is found as well."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(CREATE_TABLE)
        applied = await connection.fetch("select number, name, sha256 from log.migrations order by number")
        _compare(migrations, applied)
        if len(applied) == len(migrations):
            return None
        migration = migrations[len(applied)]
        await connection.execute(f"set local lock_timeout = {int(LOCK_SECONDS * 1000)}")
        try:
            await connection.execute(migration.text)
        except asyncpg.PostgresError as error:
            if is_outage(error) or isinstance(error, asyncpg.LockNotAvailableError):
                raise
            raise MigrationRefused(f"{migration.name} does not apply: {error}") from error
        await connection.execute(RECORD, migration.number, migration.name, migration.sha256)
        return migration


def _compare(migrations: Sequence[Migration], applied: Sequence[Any]) -> None:
    """Raise ``MigrationRefused`` unless what is applied is how our files begin."""
    for migration, row in zip(migrations, applied, strict=False):
        if migration.number < row["number"]:
            raise MigrationRefused(f"{migration.name} comes too late: {row['name']} is applied already; renumber it")
        if migration.number == row["number"] and migration.sha256 != row["sha256"]:
            raise MigrationRefused(f"{migration.name} was changed after it was applied: add a new file instead")
    known = {migration.number for migration in migrations}
    for row in applied:
        if row["number"] not in known:
            raise MigrationRefused(f"the database has {row['name']}, which this release does not know: use a newer one")
