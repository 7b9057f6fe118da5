"""What is defined is mentioned somewhere. vulture finds what cannot be reached; this finds what nobody calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.source_tree import PACKAGES, Function, parsed, python_files, relative, source_files, words_in

MENTIONED = set().union(*(words_in(path) for path in python_files(*PACKAGES, "tests", "bench")))

#: Part of a shape that others expect: eventsourcing's recorders, Litestar's responses.
EXPECTED_BY_OTHERS = {"has_tracking_id", "to_asgi_response"}


def definitions(body: list[ast.stmt]) -> Iterator[str]:
    """Yield names that somebody has to mention: none that a decorator hands on, none that a base class may call."""
    for node in body:
        if isinstance(node, Function) and not node.decorator_list and not node.name.startswith("__"):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield node.name
            if not node.bases:
                yield from definitions(node.body)


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_a_definition_is_mentioned_somewhere(path: Path) -> None:
    assert not [name for name in definitions(parsed(path).body) if name not in MENTIONED | EXPECTED_BY_OTHERS]
