"""Whoever sets something may expect that it does something."""

import ast
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.rules.source_tree import ROOT, parsed, source_files

DECLARED = ROOT / "infra" / "settings.py"


def read_in(path: Path) -> set[str]:
    """Return the settings that a module reads: ``settings.port``, ``node.settings.port``, ``read_settings().port``."""
    return {
        node.attr
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and "settings" in ast.unparse(node.value).rpartition(".")[2].lower()
    }


READ = frozenset[str]().union(*(read_in(path) for path in source_files() if path != DECLARED))


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_a_setting_is_read_by_some_part_of_the_program(name: str) -> None:
    assert name in READ, "leave it out until something needs it"
