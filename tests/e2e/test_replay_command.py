"""``annals replay`` as a user has it: beside a running server and without one, and what cannot be replayed."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command_line import COMMAND, PATIENCE, annals, environment, started

OWNER = "owner-key-of-the-tests"


@pytest.fixture(scope="module")
def data_dir(open_directory: Path) -> Iterator[Path]:
    """Return the directory of a running server: commands beside it need not start a database of their own."""
    directory = open_directory / "replay-command"
    with started("serve", "--port", "0", data_dir=directory, bootstrap_key=OWNER) as process:
        assert process.stderr is not None
        next(line for line in iter(process.stderr.readline, "") if "listens on" in line)
        yield directory


def test_beside_a_running_server_it_tells_each_fact_and_the_state_after_it(data_dir: Path) -> None:
    assert annals("tenants", "create", "acme", data_dir=data_dir).code == 0
    for plan in ("pro", "enterprise"):
        assert annals("tenants", "change", "acme", "--plan", plan, data_dir=data_dir).code == 0
    told = annals("replay", "tenant-acme", "--json", data_dir=data_dir)
    assert told.code == 0
    facts = [json.loads(line) for line in told.out.splitlines()]
    assert [(fact["version"], fact["type"], fact["state"]["plan"]) for fact in facts] == [
        (1, "tenant.registered.v1", "free"),
        (2, "tenant.plan_changed.v1", "pro"),
        (3, "tenant.plan_changed.v1", "enterprise"),
    ]
    assert {fact["actor"]["kind"] for fact in facts} == {"system"}
    first = annals("replay", "tenant-acme", "--to", "2", "--json", data_dir=data_dir)
    assert [json.loads(line) for line in first.out.splitlines()] == facts[:2]
    for_people = annals("replay", "tenant-acme", "--to", "2", data_dir=data_dir).out
    assert "1  tenant.registered.v1" in for_people
    assert 'plan: "free" -> "pro"' in for_people
    assert json.loads(for_people.partition("state after version 2:")[2]) == facts[1]["state"]
    assert "enterprise" not in for_people
    read_nothing("replay", "tenant-acme", "--json", data_dir=data_dir)


def read_nothing(*arguments: str, data_dir: Path) -> None:
    """Run a command whose reader is gone before it says anything."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": "/"}
    with subprocess.Popen([*COMMAND, *arguments], env=environment(data_dir=data_dir), **pipes) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        assert process.wait(PATIENCE) == 0


def test_what_clients_know_by_an_id_is_replayed_by_it(data_dir: Path) -> None:
    made = annals("webhooks", "create", "https://receiver.example/hooks", data_dir=data_dir)
    found = re.search(r"whk_(\w{26})", made.err)
    assert found is not None, made.err
    by_id, by_name = (annals("replay", name, data_dir=data_dir) for name in (found[0], f"webhook-{found[1]}"))
    assert (by_id.code, by_id.out) == (0, by_name.out)
    assert "1  webhook.created.v1" in by_id.out
    assert "whsec_" not in by_id.out
    tail = annals("events", "tail", "--after", "0", "--no-follow", "--stream", found[0], data_dir=data_dir)
    assert [json.loads(line)["type"] for line in tail.out.splitlines()] == ["webhook.created.v1"]


def test_without_a_server_secrets_of_keys_stay_in_the_log(open_directory: Path) -> None:
    data_dir = open_directory / "replay-command-alone"
    created = annals("keys", "create", "--role", "viewer", "--name", "eye", data_dir=data_dir)
    key_id = created.out.strip().split("_")[1]
    for options in ((), ("--json",)):
        told = annals("replay", f"key-{key_id}", *options, data_dir=data_dir)
        assert told.code == 0
        assert "viewer" in told.out
        assert "hash" not in told.out


def test_what_cannot_be_replayed_is_said_in_a_line(data_dir: Path) -> None:
    assert annals("tenants", "create", "bravo", data_dir=data_dir).code == 0
    for arguments, code, sentence in (
        (("tenant-nobody",), 1, "there is no stream tenant-nobody"),
        (("inc_01ARZ3NDEKTSV4RRFFQ69G5FAV",), 1, "there is no stream incident-01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        (("2026-11-23/1",), 1, "there is no stream instance-2026-11-23-1"),
        (("inc_1",), 2, "'inc_1' is not the name of a stream, nor the id of what has one"),
        (("tenant-bravo", "--to", "2"), 1, "tenant-bravo ends at version 1"),
        (("tenant-bravo", "--to", "0"), 2, "0 is not in the range x>=1"),
        (("tenant-bravo", "--to", "x"), 2, "'x' is not a valid integer"),
        (("acme",), 2, "'acme' is not the name of a stream"),
        (("tenant-a\x1b[2J",), 2, "is not the name of a stream"),
        (("",), 2, "'' is not the name of a stream"),
        ((), 2, "Missing argument 'STREAM'"),
    ):
        told = annals("replay", *arguments, data_dir=data_dir)
        assert (told.code, told.out) == (code, "")
        assert sentence in told.err
        assert "Traceback" not in told.err
        assert "\x1b[2J" not in told.err
