"""Tenants, keys, settings and read models at the command line, with and without a running server."""

import asyncio
import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from infra.embedded_postgres import reachable_postgres
from infra.following.applying import LIVE
from tests.e2e.command_line import PATIENCE, annals, started

OWNER = "owner-key-of-the-tests"


@pytest.fixture
def data_dir(open_directory: Path, request: pytest.FixtureRequest) -> Path:
    return open_directory / re.sub(r"\W+", "-", request.node.name)[:60]


@pytest.fixture(scope="module")
def founded(open_directory: Path) -> Path:
    """Return the data directory of a deployment that nothing runs on."""
    directory = open_directory / "founded"
    assert annals("tenants", "create", "acme", data_dir=directory).code == 0
    return directory


def test_tenants_and_keys_are_made_listed_and_revoked_without_a_server(data_dir: Path) -> None:
    created = annals("tenants", "create", "acme", "--plan", "pro", data_dir=data_dir)
    assert (created.code, created.out) == (0, "tenant acme has plan pro\n")
    assert "owner key of tenant default, shown this once: ann_" in created.err
    key = annals("keys", "create", "--tenant", "acme", "--role", "worker", "--name", "robot", data_dir=data_dir)
    assert re.fullmatch(r"ann_\w{26}_[0-9a-f]{48}\n", key.out)
    assert key.out.strip() not in key.err
    key_id = key.out.split("_")[1]
    assert annals("keys", "revoke", key_id, data_dir=data_dir).code == 0
    listed = annals("keys", "list", "--tenant", "acme", "--json", data_dir=data_dir)
    (row,) = [json.loads(line) for line in listed.out.splitlines()]
    assert (row["id"], row["role"], row["name"], row["revoked"]) == (key_id, "worker", "robot", True)
    assert key_id in annals("keys", "list", data_dir=data_dir).out


@pytest.mark.parametrize("command", ["audit verify", "events tail", "keys list", "projections list"])
def test_where_there_is_no_deployment_commands_make_none(tmp_path: Path, command: str) -> None:
    ended = annals(*command.split(), data_dir=tmp_path / "slip")
    assert ended.code == 1
    assert f"there is no deployment in {tmp_path / 'slip'}" in ended.err
    assert not (tmp_path / "slip").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tenants", "create", "Not an id"), "id must match regex"),
        (("tenants", "change", "nobody", "--plan", "pro"), "tenant nobody could not be found"),
        (("keys", "list", "--tenant", "nobody"), "tenant nobody could not be found"),
        (("webhooks", "list", "--tenant", "nobody"), "tenant nobody could not be found"),
        (("events", "tail", "--after", "0", "--tenant", "nobody"), "tenant nobody could not be found"),
        (("keys", "revoke", "01JD"), "key 01JD could not be found"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(founded: Path, arguments: tuple[str, ...], sentence: str) -> None:
    ended = annals(*arguments, data_dir=founded)
    assert ended.code == 1
    assert sentence in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "sentence"),
    [
        (("keys", "create", "--role", "king", "--name", "x"), {}, 2, "'king' is not one of"),
        (("projections", "rebuild"), {}, 2, "say which read models, or --all"),
        (("projections", "rebuild", "nothing"), {}, 2, "is not one of"),
        (("no-such-command",), {}, 2, "No such command"),
        (("serve", "--port", "x"), {}, 2, "ANNALS_PORT is not possible"),
        (("tenants", "list"), {"database_url": "mysql://x"}, 2, "ANNALS_DATABASE_URL is not possible"),
        (("tenants", "list"), {"database_url": "postgresql://127.0.0.1:1/x"}, 1, "set ANNALS_SECRET_KEY"),
        (
            ("tenants", "list"),
            {"database_url": "postgresql://127.0.0.1:1/x", "secret_key": "0123456789abcdef"},
            1,
            "the database cannot be used",
        ),
        (("tenants", "create", "acme"), {"data_dir": "/proc/annals"}, 1, "cannot"),
    ],
)
def test_a_wrong_command_or_setting_starts_nothing(
    arguments: tuple[str, ...], settings: dict[str, str], code: int, sentence: str, tmp_path: Path
) -> None:
    ended = annals(*arguments, **{"data_dir": tmp_path, **settings})
    assert ended.code == code
    assert sentence in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())


def test_settings_are_listed_with_secrets_masked() -> None:
    listed = annals("settings", secret_key="a secret of mine", port=8123, misspelt=1)  # noqa: S106  (of nothing)
    assert listed.code == 0
    assert "a secret of mine" not in listed.out
    assert "8123" in listed.out
    assert "ANNALS_MISSPELT is not a setting" in listed.out


def test_the_version_is_told() -> None:
    assert annals("version").out.startswith("annals")


@pytest.fixture
def server(data_dir: Path) -> Iterator[str]:
    """Start a server and return its URL."""
    with started("serve", "--port", "0", data_dir=data_dir, bootstrap_key=OWNER) as process:
        yield address_of(process)


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    return next(match[1] for line in lines if (match := re.search(r"listens on (http://\S+)", line)))


def status_of(url: str, key: str, path: str = "/process-instances/query", body: object = {}) -> int:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers)  # noqa: S310  (ours)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  (ours)
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_beside_a_running_server_the_command_line_works_on_the_same_data(server: str, data_dir: Path) -> None:
    created = annals("keys", "create", "--role", "viewer", "--name", "eye", data_dir=data_dir)
    key = created.out.strip()
    assert status_of(server, key) == status_of(server, OWNER) == 200
    assert annals("keys", "revoke", key.split("_")[1], data_dir=data_dir).code == 0
    time.sleep(1)
    assert status_of(server, key) == 401
    listed = annals("projections", "list", "--json", data_dir=data_dir)
    assert {json.loads(line)["state"] for line in listed.out.splitlines()} == {"live"}
    rebuilt = annals("projections", "rebuild", "jobs", "tasks", data_dir=data_dir)
    assert (rebuilt.code, rebuilt.out) == (0, "rebuilt jobs, tasks\n")
    verified = annals("projections", "verify", "--all", data_dir=data_dir)
    assert (verified.code, verified.err.count("Error")) == (0, 0)
    second = annals("serve", "--port", "0", data_dir=data_dir)
    assert second.code == 1
    assert "is in use by process" in second.err


async def test_a_rebuild_that_is_stopped_leaves_the_live_tables_and_nothing_else(data_dir: Path) -> None:
    assert annals("tenants", "create", "acme", data_dir=data_dir).code == 0
    assert annals("projections", "rebuild", "jobs", data_dir=data_dir).code == 0
    async with reachable_postgres(data_dir) as dsn:
        reader = await asyncpg.connect(dsn)
        async with reader.transaction():
            await reader.fetch(f"select from {LIVE}.jobs")  # the swap waits for readers
            with started("projections", "rebuild", "jobs", data_dir=data_dir) as process:
                while not await reader.fetchval(REBUILDS):  # noqa: ASYNC110  (another process makes it)
                    await asyncio.sleep(0.05)
                process.send_signal(signal.SIGINT)
                _, said = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
        assert process.returncode == 130
        assert "stopped; the live tables are as they were" in said
        assert "Traceback" not in said
        assert await reader.fetchval(REBUILDS) == 0
        await reader.close()


def test_verify_tells_each_row_that_differs_and_each_read_model_that_it_cannot_compare(data_dir: Path) -> None:
    with started("serve", "--port", "0", data_dir=data_dir, bootstrap_key=OWNER) as process:
        url = address_of(process)
        for number in range(3):
            reported = {"title": f"Fire {number}", "description": "it burns and burns"}
            assert status_of(url, OWNER, "/v1/incidents", reported) == 201
    asyncio.run(
        executed(data_dir, "update read.incident_list set severity = 4, title = e'\\x1b[2J' where title = 'Fire 1'")
    )
    asyncio.run(executed(data_dir, "update log.followers set version = 0 where name = 'jobs'"))
    told = annals("projections", "verify", "incident_list", "jobs", "incident_timeline", data_dir=data_dir)
    assert told.code == 1
    (row,) = [line for line in told.out.splitlines() if "the log says" in line and "incident_list" in line]
    assert ",4," in row.partition(" the log says ")[0]
    assert ",2," in row.partition(" the log says ")[2]
    assert "\x1b[2J" not in told.out
    assert "incident_timeline: as the log says" in told.out
    assert "jobs could not be verified" in told.err
    assert "1 row differs from what the log says; 1 read model could not be verified" in told.err
    assert annals("projections", "rebuild", "incident_list", "jobs", data_dir=data_dir).code == 0
    assert annals("projections", "verify", "--all", data_dir=data_dir).code == 0


async def executed(data_dir: Path, statement: str) -> None:
    async with reachable_postgres(data_dir) as dsn:
        connection = await asyncpg.connect(dsn)
        assert await connection.execute(statement) == "UPDATE 1"
        await connection.close()


REBUILDS = "select count(*) from pg_namespace where nspname like 'rebuild_%'"
