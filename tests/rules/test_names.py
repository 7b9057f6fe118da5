"""Names say what a thing is about, and tests read as sentences."""

from pathlib import Path

import pytest

from tests.rules.source_tree import ROOT, functions, python_files, relative, source_files

#: Names under which anything could be put, and then is.
SAYING_NOTHING = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

SHORTEST_SENTENCE = 3

TESTS = [path for path in python_files("tests") if path.name.startswith("test_")]


@pytest.mark.parametrize("path", [*source_files(), *python_files("tests", "bench")], ids=relative)
def test_a_file_is_named_for_its_subject(path: Path) -> None:
    assert path.stem.strip("_") not in SAYING_NOTHING
    assert not SAYING_NOTHING & set(path.relative_to(ROOT).parts)


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_the_name_of_a_test_is_a_sentence(path: Path) -> None:
    too_short = [
        function.name
        for function in functions(path)
        if function.name.startswith("test_") and len(function.name.split("_")) - 1 < SHORTEST_SENTENCE
    ]
    assert not too_short, "say who does what, and what comes of it"
