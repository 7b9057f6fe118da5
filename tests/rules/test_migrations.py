"""Migrations are applied in the order of their numbers, so a number stands for one file."""

import re

from tests.rules.source_tree import ROOT

FILES = sorted(path.name for path in (ROOT / "infra" / "migrations").iterdir() if path.suffix == ".sql")


def test_there_are_migrations_to_look_at() -> None:
    assert FILES


def test_a_migration_is_named_by_four_digits_and_its_subject() -> None:
    assert [name for name in FILES if not re.fullmatch(r"\d{4}(_[a-z0-9]+)+\.sql", name)] == []


def test_no_two_migrations_share_a_number() -> None:
    assert len({name[:4] for name in FILES}) == len(FILES)


def test_a_migration_says_in_a_comment_what_it_is_for() -> None:
    first_lines = {name: (ROOT / "infra" / "migrations" / name).read_text(encoding="utf-8")[:3] for name in FILES}
    assert {name: line for name, line in first_lines.items() if line != "-- "} == {}
