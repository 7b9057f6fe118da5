"""``annals events`` as a user has it: tail beside a server, export and import, and what cannot be done."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_line import COMMAND, PATIENCE, annals, environment, started

OWNER = "owner-key-of-the-tests"
SECRET = "one secret key for both"  # noqa: S105  (of nothing)


@pytest.fixture
def data_dir(open_directory: Path, request: pytest.FixtureRequest) -> Path:
    return open_directory / re.sub(r"\W+", "-", request.node.name)[:60]


@pytest.fixture
def server(data_dir: Path) -> Iterator[None]:
    with started("serve", "--port", "0", data_dir=data_dir, bootstrap_key=OWNER, secret_key=SECRET) as process:
        assert process.stderr is not None
        next(line for line in iter(process.stderr.readline, "") if "listens on" in line)
        yield


@pytest.mark.usefixtures("server")
def test_tail_prints_what_comes_until_it_is_stopped(data_dir: Path) -> None:
    settings = {"data_dir": data_dir, "secret_key": SECRET}
    with started("events", "tail", "--after", "1", "--type", "key.issued.v1", **settings) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["id"], first["data"]["name"]) == ("2", "bootstrap")
        assert annals("tenants", "create", "acme", **settings).code == 0
        assert annals("keys", "create", "--tenant", "acme", "--role", "viewer", "--name", "eye", **settings).code == 0
        second = json.loads(process.stdout.readline())
        assert (second["id"], second["tenant"], second["data"]["name"]) == ("4", "acme", "eye")
        assert "key_hash" not in second["data"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in said
    whole = annals("events", "tail", "--after", "0", "--no-follow", **settings)
    assert [json.loads(line)["id"] for line in whole.out.splitlines()] == ["1", "2", "3", "4"]
    some = annals("events", "tail", "--after", "0", "--no-follow", "--type", "tenant.*", **settings)
    assert [json.loads(line)["id"] for line in some.out.splitlines()] == ["1", "3"]
    mine = annals("events", "tail", "--after", "0", "--no-follow", "--tenant", "acme", **settings)
    assert [json.loads(line)["type"] for line in mine.out.splitlines()] == ["tenant.registered.v1", "key.issued.v1"]
    exported = annals("events", "export", str(data_dir / "log"), **settings)
    assert (exported.code, exported.out) == (0, f"exported 4 events to {data_dir / 'log'}\n")


def test_an_exported_log_is_imported_into_a_new_data_directory(data_dir: Path, tmp_path: Path) -> None:
    first, second = data_dir / "first", data_dir / "second"
    for directory in (first, second):
        directory.mkdir(parents=True)
    data_dir.chmod(0o755)
    made = annals("keys", "create", "--role", "viewer", "--name", "eye", data_dir=first, secret_key=SECRET)
    assert made.code == 0
    file = tmp_path / "log.ndjson"
    assert annals("events", "export", str(file), data_dir=first, secret_key=SECRET).code == 0
    imported = annals("events", "import", str(file), data_dir=second, secret_key=SECRET)
    assert (imported.code, imported.out) == (0, "imported 3 events\n")
    again = annals("events", "import", str(file), data_dir=second, secret_key=SECRET)
    assert again.code == 1
    assert "there is a log already" in again.err
    keys = [annals("keys", "list", "--json", data_dir=one, secret_key=SECRET).out for one in (first, second)]
    assert keys[0] == keys[1]
    assert "owner key" not in annals("events", "tail", "--no-follow", data_dir=second, secret_key=SECRET).err
    verified = annals("projections", "list", "--json", data_dir=second, secret_key=SECRET)
    assert verified.code == 0


def test_a_reader_who_has_seen_enough_ends_the_tail_quietly(data_dir: Path) -> None:
    assert annals("keys", "create", "--role", "viewer", "--name", "eye", data_dir=data_dir).code == 0
    ended = subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            '"$@" | head -n 1',
            "bash",
            *COMMAND,
            "events",
            "tail",
            "--after",
            "0",
            "--no-follow",
        ],
        env=environment(data_dir=data_dir),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd="/",
    )
    assert json.loads(ended.stdout)["id"] == "1"
    assert "Error" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def founded(open_directory: Path) -> Path:
    """Return the data directory of a deployment that nothing runs on."""
    directory = open_directory / "events-founded"
    assert annals("tenants", "create", "acme", data_dir=directory).code == 0
    return directory


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("tail", "--after", "x"), 2, "is not a valid integer"),
        (("tail", "--type", "job.lost.v1"), 2, "job.lost.v1 is not a type of event"),
        (("tail", "--type", "lost.*"), 2, "lost.* is not a type of event"),
        (("tail", "--process-key", "order"), 2, "--process-key needs --tenant"),
        (("tail", "--incident", "x"), 2, "x is not an incident"),
        (("tail", "--after", "100000"), 1, "position 100000 is beyond the end of the log"),
        (("import", "/nowhere/log"), 2, "does not exist"),
        (("export", "/nowhere/log"), 1, "cannot be written"),
        (("export", "/etc/hostname"), 1, "is there already"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    founded: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    ended = annals("events", *arguments, data_dir=founded)
    assert ended.code == code
    assert sentence in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
