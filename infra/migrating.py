"""Bring a database's schema up to date: numbered SQL files, each applied once, in order, in a transaction of its own.

A file is ``NNNN_name.sql`` in ``infra/migrations``; it is never edited once released, for databases have applied it as
it was. What was applied is recorded in the table ``migration``, with the hash of the text.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

MIGRATIONS = Path(__file__).with_name("migrations")
FILE_NAME = re.compile(r"(\d{4})_\w+\.sql", re.ASCII)
LOCK = 0x616E6E616C73  # "annals": the advisory lock under which one node migrates and the others wait

CREATE_TABLE = """
create table if not exists migration (
    number     integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
)
"""

log = structlog.get_logger(__name__)


class MigrationRefused(Exception):  # noqa: N818  (named for what it says, like every refusal here)
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


async def migrate(dsn: str, directory: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return its names; two nodes that start at once apply each file once.

    Raise ``MigrationRefused`` when an applied file was edited or is unknown to this release, or does not apply: then
    those before it stay applied and nothing of it is.
    """
    migrations = read_migrations(directory)
    connection = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "annals migrate"})
    try:
        await connection.execute("select pg_advisory_lock($1)", LOCK)
        await connection.execute(CREATE_TABLE)
        applied = await connection.fetch("select number, name, sha256 from migration order by number")
        _compare(migrations, applied)
        missing = migrations[len(applied) :]
        for migration in missing:
            await _apply(connection, migration)
        return [migration.name for migration in missing]
    finally:
        await connection.close()


def _compare(migrations: Sequence[Migration], applied: Sequence[Any]) -> None:
    if len(applied) > len(migrations):
        newer = applied[len(migrations)]["name"]
        raise MigrationRefused(f"the database has {newer}, which this release does not know: start a newer release")
    for migration, row in zip(migrations, applied, strict=False):
        if (migration.number, migration.sha256) != (row["number"], row["sha256"]):
            raise MigrationRefused(
                f"{migration.name} was changed after it was applied as {row['name']}: add a new file"
            )


async def _apply(connection: Any, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.text)
            await connection.execute(
                "insert into migration (number, name, sha256) values ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
    except asyncpg.PostgresError as error:
        raise MigrationRefused(f"{migration.name} does not apply: {error}") from error
    log.info("applied a migration", name=migration.name)
