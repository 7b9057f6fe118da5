"""``annals webhooks`` as a user has it: beside a server that delivers, and without one."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command_line import PATIENCE, Ended, annals, started

OWNER = "owner-key-of-the-tests"
SECRET = "one secret key for both"  # noqa: S105  (of nothing)
URL = "https://receiver.example/hooks"


@pytest.fixture
def data_dir(open_directory: Path, request: pytest.FixtureRequest) -> Path:
    return open_directory / re.sub(r"\W+", "-", request.node.name)[:60]


@pytest.fixture
def server(data_dir: Path) -> Iterator[None]:
    with started("serve", "--port", "0", data_dir=data_dir, bootstrap_key=OWNER, secret_key=SECRET) as process:
        assert process.stderr is not None
        next(line for line in iter(process.stderr.readline, "") if "listens on" in line)
        yield


class Terminal:
    """Where somebody works on one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def run(self, *arguments: str) -> Ended:
        return annals("webhooks", *arguments, data_dir=self.data_dir, secret_key=SECRET)

    def done(self, *arguments: str) -> Ended:
        ended = self.run(*arguments)
        assert ended.code == 0, ended.err
        return ended

    def rows(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.done(*arguments, "--json").out.splitlines()]

    def created(self, *arguments: str) -> str:
        """Make a webhook; return its id, which the terminal shows beside the secret."""
        ended = self.done("create", URL, *arguments)
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", ended.out)
        found = re.search(r"webhook (whk_\w{26}) of tenant", ended.err)
        assert found is not None, ended.err
        return found[1]


@pytest.mark.usefixtures("server")
def test_a_webhook_is_made_tested_and_its_delivery_asked_for_again_beside_a_server(data_dir: Path) -> None:
    terminal = Terminal(data_dir)
    webhook = terminal.created("--type", "incident.*", "--description", "desk")
    delivery = terminal.done("test", webhook).out.strip()
    assert delivery.startswith(f"msg_{webhook.removeprefix('whk_')}-")
    before = time.monotonic()
    while not (found := terminal.rows("deliveries", webhook)):
        assert time.monotonic() - before < PATIENCE
    assert [row["id"] for row in found] == [delivery]
    assert found[0]["type"] == "webhook.tested.v1"
    assert terminal.done("redeliver", delivery).out == f"delivery {delivery} is asked for again\n"
    assert all(row["url"] == URL for row in terminal.rows("deliveries", delivery))


def test_webhooks_are_looked_after_without_a_server(data_dir: Path) -> None:
    terminal = Terminal(data_dir)
    assert terminal.rows("list") == []
    first, second = terminal.created("--ordered", "--process-key", "order"), terminal.created()
    rows = terminal.rows("list")
    assert [row["id"] for row in rows] == [first, second]
    assert (rows[0]["ordered"], rows[0]["process_key"], rows[1]["url"]) == (True, "order", URL)
    assert "secret" not in str(rows)
    assert terminal.rows("show", first) == rows[:1]
    assert first in terminal.done("list").out
    assert terminal.done("enable", first).out == f"webhook {first} is enabled\n"
    assert terminal.done("delete", first).out == f"webhook {first} is deleted\n"
    assert terminal.rows("list") == rows[1:]
    assert terminal.rows("deliveries", second) == []


def test_what_cannot_be_done_is_told_in_a_line(data_dir: Path) -> None:
    terminal = Terminal(data_dir)
    nobody = "whk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for arguments, sentence in (
        (("show", nobody), f"webhook {nobody} could not be found"),
        (("delete", "x"), "webhook x could not be found"),
        (("redeliver", "msg_1"), "delivery msg_1 could not be found"),
        (("create", "http://receiver.example/"), "url must be of https"),
        (("create", "https://user@receiver.example/"), "url must not have a user or password"),
        (("create", URL, "--type", "nothing.*"), "types/0 must be a type of events"),
    ):
        ended = terminal.run(*arguments)
        assert ended.code == 1, arguments
        assert sentence in ended.err
        assert "Traceback" not in ended.err
