"""What README.md and the documents say can be done, can be done: commands, settings, links and files."""

import re
from pathlib import Path

import click
import pytest

from api.cli import main
from infra.settings import Settings, describe, unknown_variables
from tests.rules.source_tree import ROOT, relative

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

#: Paths in backquotes that begin with a folder or file of the checkout; those with a placeholder name none.
PATH = re.compile(r"`((?:\.ci|api|bench|commands|docs|domain|infra|projections|tests)/[\w./-]*)`")
VARIABLE = re.compile(r"\bANNALS_[A-Z_]+\b")
#: `` `annals projections rebuild NAME` `` and the same in a block of commands; words in capitals stand for arguments.
INVOCATION = re.compile(r"(?:`|^(?:\$ )?(?:\.venv/bin/)?)annals ((?:[a-z-]+ ?)*)", re.MULTILINE)


def block(name: str) -> str:
    """Return the code block that ``.ci/run`` runs under a name."""
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.+?)\n```\n", README, re.DOTALL)
    assert found, f"README.md has no block marked {name}"
    return found[1]


@pytest.mark.parametrize(("name", "lock"), [("demo", "requirements.lock"), ("tests", "requirements-dev.lock")])
def test_a_command_of_the_readme_is_one_line_that_begins_on_a_bare_machine(name: str, lock: str) -> None:
    steps = block(name).split(" && ")
    assert "\n" not in block(name)
    assert steps[:2] == ["python3 -m venv .venv", f".venv/bin/pip install -q -r {lock}"]
    assert (ROOT / lock).exists()


def test_the_commands_end_in_the_demo_and_in_the_tests() -> None:
    assert block("demo").endswith(".venv/bin/annals demo")
    assert block("tests").endswith(".venv/bin/pytest -q")


def test_the_table_of_settings_is_what_the_program_reads() -> None:
    rows = [
        f"| `{row.variable}`{' *file*' * row.secret} | {row.meaning} | {f'`{row.default}`' if row.default else ''} |"
        for row in describe(Settings())
    ]
    written = re.findall(r"^\| `ANNALS_.*\|$", README, re.MULTILINE)
    assert written == rows


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "compose.yaml", ROOT / "Dockerfile"], ids=relative)
def test_a_variable_that_is_written_about_is_a_setting(path: Path) -> None:
    named = dict.fromkeys(VARIABLE.findall(path.read_text(encoding="utf-8")), "x")
    composing = {"ANNALS_PUBLISH"}
    assert not set(unknown_variables(named)) - composing


def is_command(words: list[str]) -> bool:
    """Tell whether these words lead to a command; whatever follows the last group is an argument of its own."""
    group: click.Command | None = main
    for word in words:
        if not isinstance(group, click.Group):
            break
        group = group.get_command(click.Context(group), word)
    return group is not None


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_a_command_that_is_named_exists(path: Path) -> None:
    invocations = INVOCATION.findall(path.read_text(encoding="utf-8"))
    assert not [words for words in invocations if not is_command(words.split())]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_a_link_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_a_file_that_is_named_exists(path: Path) -> None:
    assert not [name for name in PATH.findall(path.read_text(encoding="utf-8")) if not (ROOT / name).exists()]


def test_every_decision_is_listed_once_and_numbered_in_order() -> None:
    pages = sorted(page.name for page in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8"))
    assert listed == pages
    assert [int(page[:4]) for page in pages] == list(range(1, len(pages) + 1))


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert not [
        heading for heading in headings[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading)
    ]


def test_the_licence_is_the_standard_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.lstrip().startswith("Apache License\n                           Version 2.0, January 2004\n")
    assert len(text) == 11_358
