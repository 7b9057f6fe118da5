"""The short form of the campaign of changed exports, and its control (tests/faults/altered_exports.py)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.embedded_postgres import EmbeddedPostgres
from tests.conftest import _database_from
from tests.contract.eventing import event_client
from tests.faults.altered_exports import CHANGES, accepted_changes, unhashed
from tests.integration.exporting import EVENTS, exported, imported, lived, rows


@pytest.fixture
async def target(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


async def test_an_export_that_was_changed_anywhere_is_refused_and_only_its_hash_tells_some_of_it(
    database: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with event_client(database) as client:
        await lived(client)
    head = await exported(database, tmp_path / "log")
    lines = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    said, wrong = await accepted_changes(target, lines, range(10 * len(CHANGES)), seed=50)
    assert wrong == []
    assert said["hash"]
    assert said["form or order"]
    assert await rows(target, EVENTS) == []
    unhashed(monkeypatch)
    _, wrong = await accepted_changes(target, lines, range(10 * len(CHANGES)), seed=50)
    assert {sentence.partition(": ")[2] for sentence in wrong} == {"was imported"}
    monkeypatch.undo()
    assert await imported(target, lines) == head
