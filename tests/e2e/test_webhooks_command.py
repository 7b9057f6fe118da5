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


@pytest.fixture(scope="module")
def served(open_directory: Path) -> Iterator[Path]:
    """Return the data directory of a server that all tests of this module may work beside."""
    data_dir = open_directory / "webhooks-command"
    with started("serve", "--port", "0", data_dir=data_dir, bootstrap_key=OWNER, secret_key=SECRET) as process:
        assert process.stderr is not None
        next(line for line in iter(process.stderr.readline, "") if "listens on" in line)
        yield data_dir


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


def test_a_webhook_is_made_tested_and_its_delivery_asked_for_again(served: Path) -> None:
    terminal = Terminal(served)
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


def test_a_webhook_is_disabled_and_what_it_missed_is_replayed(served: Path) -> None:
    terminal = Terminal(served)
    webhook = terminal.created("--type", "tenant.*", "--type", "key.issued.v1")
    assert terminal.done("disable", webhook).out == f"webhook {webhook} is disabled\n"
    assert terminal.rows("show", webhook)[0]["disabled"] == "manual"
    for asked in (("test", webhook), ("replay", webhook, "--upto", "2")):
        ended = terminal.run(*asked)
        assert (ended.code, f"webhook {webhook} is disabled" in ended.err) == (1, True), ended.err
    assert terminal.done("enable", webhook).out == f"webhook {webhook} is enabled\n"
    beyond = terminal.run("replay", webhook, "--upto", "1000")
    assert (beyond.code, beyond.out) == (1, "")
    assert "upto must not be greater than the position of the last event" in beyond.err
    assert terminal.rows("deliveries", webhook) == []
    told = terminal.done("replay", webhook, "--upto", "2").out
    assert told == "events after position 0 up to 2 are asked for\n"
    before = time.monotonic()
    while len(found := terminal.rows("deliveries", webhook)) < 2:
        assert time.monotonic() - before < PATIENCE
    assert [(row["sequence"], row["type"]) for row in found] == [(2, "key.issued.v1"), (1, "tenant.registered.v1")]
    assert [row["sequence"] for row in terminal.rows("deliveries", webhook, "--before", "2")] == [1]


def test_a_webhook_is_changed_and_its_secret_rotated(served: Path, tmp_path: Path) -> None:
    own = tmp_path / "secret"
    own.write_text("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n", encoding="ascii")
    terminal = Terminal(served)
    created = terminal.done("create", URL, "--type", "job.*", "--ordered", "--secret-file", str(own))
    assert created.out == own.read_text(encoding="ascii")
    first = terminal.rows("list")[-1]
    assert first["id"] in created.err
    others = ("--url", f"{URL}/2", "--type", "incident.*", "--type", "job.failed.v1", "--process-key", "order")
    assert terminal.done("change", first["id"], *others).out == f"webhook {first['id']} is changed\n"
    (second,) = terminal.rows("show", first["id"])
    changed = {"url": f"{URL}/2", "types": ["incident.*", "job.failed.v1"], "process_key": "order"}
    assert second == {**first, **changed}
    back = ("--all-types", "--unordered", "--process-key", "", "--description", "desk")
    terminal.done("change", first["id"], *back)
    (third,) = terminal.rows("show", first["id"])
    assert third == {**second, "types": [], "ordered": False, "process_key": "", "description": "desk"}
    rotated = terminal.done("rotate", first["id"], "--overlap", "60")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", rotated.out)
    assert "the one before signs for 60 s" in rotated.err
    assert terminal.done("rotate", first["id"], "--secret-file", str(own)).out == created.out


def test_webhooks_are_looked_after_without_a_server(data_dir: Path) -> None:
    assert annals("tenants", "create", "acme", data_dir=data_dir, secret_key=SECRET).code == 0
    terminal = Terminal(data_dir)
    first, second = terminal.created("--ordered", "--process-key", "order"), terminal.created()
    rows = terminal.rows("list")
    assert [row["id"] for row in rows] == [first, second]
    assert (rows[0]["ordered"], rows[0]["process_key"], rows[1]["url"]) == (True, "order", URL)
    assert "secret" not in str(rows)
    assert terminal.rows("show", first) == rows[:1]
    assert terminal.done("delete", first).out == f"webhook {first} is deleted\n"
    assert second in terminal.done("list").out


def test_what_cannot_be_done_is_told_in_a_line(served: Path) -> None:
    terminal = Terminal(served)
    nobody = "whk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for arguments, sentence in (
        (("show", nobody), f"webhook {nobody} could not be found"),
        (("delete", "x"), "webhook x could not be found"),
        (("disable", nobody), f"webhook {nobody} could not be found"),
        (("rotate", nobody), f"webhook {nobody} could not be found"),
        (("create", URL, "--tenant", "nobody"), "failed to create webhook: tenant nobody could not be found"),
        (("create", URL, "--secret-file", __file__), "secret must be whsec_ and the base64 form of 24 to 64 bytes"),
        (("redeliver", "msg_1"), "delivery msg_1 could not be found"),
        (("create", "http://receiver.example/"), "url must be of https"),
        (("create", "https://user@receiver.example/"), "url must not have a user or password"),
        (("create", URL, "--type", "nothing.*"), "types/0 must be a type of events"),
    ):
        ended = terminal.run(*arguments)
        assert ended.code == 1, arguments
        assert sentence in ended.err
        assert "Traceback" not in ended.err
    for misspelt, sentence in (
        (("change", nobody, "--all-types", "--type", "job.*"), "--type and --all-types exclude each other"),
        (("rotate", nobody, "--overlap", "604801"), "604801 is not in the range 0<=x<=604800"),
        (("replay", nobody), "Missing option '--upto'"),
        (("create", URL, "--secret-file", "/dev/null"), "the file of --secret-file is empty"),
    ):
        ended = terminal.run(*misspelt)
        assert (ended.code, sentence in ended.err) == (2, True), ended.err
