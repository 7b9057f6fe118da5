"""A database is brought up to date by numbered files, each applied once and never again as something else."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from infra.migrating import MIGRATIONS, MigrationRefused, migrate, read_migrations

FIRST = "create table first_one (id integer primary key);"
SECOND = "create table second_one (id integer primary key);\ninsert into second_one values (1);"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "0002_second.sql").write_text(SECOND)
    return tmp_path


async def value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def recorded(dsn: str) -> object:
    return await value(dsn, "select array_agg(name order by number) from log.migrations")


async def test_an_empty_database_gets_every_migration_and_a_migrated_one_gets_none(empty_database: str) -> None:
    names = [migration.name for migration in read_migrations()]
    assert await migrate(empty_database) == names
    assert await migrate(empty_database) == []
    assert await recorded(empty_database) == names


async def test_the_tests_own_databases_are_migrated(database: str) -> None:
    assert await migrate(database) == []
    assert await value(database, "select count(*) from log.events") == 0


async def test_files_are_applied_in_the_order_of_their_numbers(empty_database: str, directory: Path) -> None:
    (directory / "0010_later.sql").write_text("alter table second_one rename to tenth_one;")
    assert await migrate(empty_database, directory) == ["0001_first.sql", "0002_second.sql", "0010_later.sql"]
    assert await value(empty_database, "select id from tenth_one") == 1


async def test_a_file_that_is_added_is_applied_on_the_next_start(empty_database: str, directory: Path) -> None:
    await migrate(empty_database, directory)
    (directory / "0003_third.sql").write_text("drop table first_one;")
    assert await migrate(empty_database, directory) == ["0003_third.sql"]


async def test_nodes_that_start_at_once_apply_each_file_once(empty_database: str, directory: Path) -> None:
    applied = await asyncio.gather(*(migrate(empty_database, directory) for _ in range(5)))
    assert sorted(name for names in applied for name in names) == ["0001_first.sql", "0002_second.sql"]
    assert await value(empty_database, "select count(*) from second_one") == 1


async def test_a_file_edited_after_it_was_applied_is_refused_by_name(empty_database: str, directory: Path) -> None:
    await migrate(empty_database, directory)
    (directory / "0001_first.sql").write_text(FIRST + "\n-- harmless?")
    with pytest.raises(MigrationRefused, match=r"0001_first\.sql was changed after it was applied"):
        await migrate(empty_database, directory)


async def test_a_file_put_in_before_an_applied_one_is_refused(empty_database: str, directory: Path) -> None:
    (directory / "0002_second.sql").rename(directory / "0003_second.sql")
    await migrate(empty_database, directory)
    (directory / "0002_late.sql").write_text("create table late (id integer);")
    with pytest.raises(MigrationRefused, match=r"0002_late\.sql comes too late: 0003_second\.sql is applied already"):
        await migrate(empty_database, directory)
    assert await value(empty_database, "select to_regclass('late')") is None


async def test_a_database_of_a_newer_release_is_refused(empty_database: str, directory: Path) -> None:
    await migrate(empty_database, directory)
    (directory / "0002_second.sql").unlink()
    with pytest.raises(MigrationRefused, match=r"the database has 0002_second\.sql, which this release does not know"):
        await migrate(empty_database, directory)


async def test_a_file_that_waits_for_a_lock_lets_others_go_first_again_and_again(
    empty_database: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.migrating.LOCK_SECONDS", 0.2)
    monkeypatch.setattr("infra.migrating.PAUSE_SECONDS", 0.2)
    await migrate(empty_database, directory)
    (directory / "0003_third.sql").write_text("alter table first_one add column more text;")
    dump = await asyncpg.connect(empty_database)
    try:
        async with dump.transaction():
            await dump.fetch("select * from first_one")  # a backup, which goes on for hours
            migrating = asyncio.create_task(migrate(empty_database, directory))
            await asyncio.sleep(0.5)
            for _ in range(3):
                async with asyncio.timeout(2.0):
                    assert await value(empty_database, "select count(*) from first_one") == 0
                await asyncio.sleep(0.2)
            assert not migrating.done()
        async with asyncio.timeout(5.0):
            assert await migrating == ["0003_third.sql"]
    finally:
        await dump.close()


async def test_a_file_that_fails_leaves_nothing_behind_and_those_before_it_stay(
    empty_database: str, directory: Path
) -> None:
    (directory / "0002_second.sql").write_text(SECOND + "\ninsert into second_one values (1);")
    with pytest.raises(MigrationRefused, match=r"0002_second\.sql does not apply: duplicate key"):
        await migrate(empty_database, directory)
    assert await recorded(empty_database) == ["0001_first.sql"]
    assert await value(empty_database, "select to_regclass('second_one')") is None
    (directory / "0002_second.sql").write_text(SECOND)
    assert await migrate(empty_database, directory) == ["0002_second.sql"]


async def test_a_file_that_cannot_be_recorded_is_not_applied(empty_database: str, directory: Path) -> None:
    (directory / "0002_second.sql").write_text(SECOND + "\nalter table log.migrations add check (number < 2);")
    with pytest.raises(asyncpg.CheckViolationError):
        await migrate(empty_database, directory)
    assert await value(empty_database, "select to_regclass('second_one')") is None


@pytest.mark.parametrize("name", ["first.sql", "1_first.sql", "0003-third.sql", "0002_another.sql"])
def test_a_file_without_a_number_of_its_own_is_refused(directory: Path, name: str) -> None:
    (directory / name).write_text("")
    with pytest.raises(MigrationRefused, match=name):
        read_migrations(directory)


def test_the_migrations_are_found_beside_the_code_wherever_it_is_installed() -> None:
    assert MIGRATIONS.parent.name == "infra"
    assert read_migrations()[0].name == "0001_event_log.sql"


async def test_open_work_of_the_releases_before_gets_its_stream(empty_database: str, tmp_path: Path) -> None:
    for migration in read_migrations():
        if migration.number < 12:
            (tmp_path / migration.name).write_text(migration.text)
    await migrate(empty_database, tmp_path)
    await value(
        empty_database,
        """
        with task as (
            insert into log.open_tasks (partition, id, process_id, process_instance_id, due_at, tenant, type)
            values ('2026-11-03', 7, 1, 17, now(), 'default', 'X'), ('2026-11-03', 8, 1, 0, now(), 'default', 'X')
        )
        insert into log.open_incidents (partition, id, process_instance_id, incident, tenant)
        values ('2026-11-03', 3, 17, 'A', 'default')
        """,
    )
    await migrate(empty_database)
    streams = "select array_agg(stream order by id) from log"
    assert await value(empty_database, f"{streams}.open_tasks") == ["instance-2026-11-03-17", "task-2026-11-03-8"]
    assert await value(empty_database, f"{streams}.open_incidents") == ["instance-2026-11-03-17"]
