"""``annals audit`` as a user has it: all is well, something was changed, a kept head, and what cannot be done."""

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from infra.embedded_postgres import reachable_postgres
from tests.e2e.command_line import annals, started

OWNER = "owner-key-of-the-tests"
HEAD = re.compile(r"\d+:[0-9a-f]{64}")


@pytest.fixture
def data_dir(open_directory: Path, request: pytest.FixtureRequest) -> Path:
    """Return the directory of a node that has run for a moment."""
    directory = open_directory / re.sub(r"\W+", "-", request.node.name)[:60]
    with started("serve", "--port", "0", data_dir=directory, bootstrap_key=OWNER) as process:
        assert process.stderr is not None
        next(line for line in iter(process.stderr.readline, "") if "listens on" in line)
        assert annals("tenants", "create", "acme", data_dir=directory).code == 0
        while not annals("audit", "head", data_dir=directory).out.startswith("3:"):
            pass
    return directory


def change(data_dir: Path, *statements: str) -> None:
    """Do something to the database that only its administrator can do."""

    async def done() -> None:
        async with reachable_postgres(data_dir) as dsn:
            connection = await asyncpg.connect(dsn)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

    asyncio.run(done())


def test_an_audit_says_that_all_is_well_and_what_was_changed_and_where(data_dir: Path, tmp_path: Path) -> None:
    kept = tmp_path / "heads"
    well = annals("audit", "verify", "--keep", str(kept), data_dir=data_dir)
    assert well.code == 0, well
    assert "all is as it has to be up to position 3" in well.out
    (head,) = HEAD.findall(well.out)
    assert kept.read_text() == f"{head}\n"
    assert annals("audit", "verify", "--keep", str(kept), "--log-only", data_dir=data_dir).code == 0
    assert kept.read_text() == f"{head}\n", "nothing has come, nothing is added"

    change(
        data_dir,
        "update log.events set actor_id = 'mallory' where notification_id = 3",
        "update log.api_keys set role = 'viewer'",
        "insert into log.streams values ('tenant-bravo', 1)",
    )
    ill = annals("audit", "verify", "--json", data_dir=data_dir)
    assert ill.code == 1
    event, stream, *tables = [json.loads(line) for line in ill.out.splitlines()]
    assert (event["check"], event["position"], event["stream"]) == ("chain", 3, "tenant-acme")
    assert (stream["stream"], stream["what"]) == ("tenant-bravo", "ends with version 0, the log knows it to end with 1")
    assert {table["check"] for table in tables} == {"decision tables"}
    assert "'role': 'viewer'" in tables[0]["what"]
    assert "hash" not in tables[0]["what"]

    change(data_dir, "delete from log.streams where version = 1 and stream like '%bravo'", "delete from log.chain")
    change(data_dir, "select log.extend_chain(100)")
    assert annals("audit", "verify", "--log-only", data_dir=data_dir).code == 0, "nobody can tell without a kept head"
    for given in (("--head", head), ("--keep", str(kept))):
        found = annals("audit", "verify", "--log-only", *given, data_dir=data_dir)
        assert (found.code, found.out) == (
            1,
            "heads: positions 1 to 3: history up to 3 is not what it was when its head was kept\n",
        )
    assert kept.read_text() == f"{head}\n"


@pytest.mark.parametrize("text", ["5:abc"])
def test_what_is_no_head_is_refused(text: str, tmp_path: Path) -> None:
    refused = annals("audit", "verify", "--head", text, data_dir=tmp_path / "none")
    assert refused.code == 2
    assert "is no head" in refused.err
    kept = tmp_path / "heads"
    kept.write_text(f"{text}\n")
    refused = annals("audit", "verify", "--keep", str(kept), data_dir=tmp_path / "none")
    assert refused.code == 1
    assert "is no head" in refused.err


def test_a_file_that_could_not_be_made_is_refused_before_anything_is_verified(tmp_path: Path) -> None:
    refused = annals("audit", "verify", "--keep", str(tmp_path / "gone" / "heads"), data_dir=tmp_path / "none")
    assert refused.code == 2
    assert f"there is no directory {tmp_path / 'gone'}" in refused.err
    assert not (tmp_path / "none").exists(), "nothing was started for it"
