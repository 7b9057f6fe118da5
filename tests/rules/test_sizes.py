"""Code stays in pieces that one can read at a sitting (CONTRIBUTING.md, "The form of the code")."""

from pathlib import Path

import pytest

from tests.rules.source_tree import functions, python_files, relative, source_files

LONGEST_FILE = 400
LONGEST_TEST_FILE = 500
LONGEST_FUNCTION = 40

SOURCES = source_files()
TESTS = python_files("tests", "bench")


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_source_file_has_at_most_400_lines(path: Path) -> None:
    assert lines_of(path) <= LONGEST_FILE, "split it by subject"


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_file_has_at_most_500_lines(path: Path) -> None:
    assert lines_of(path) <= LONGEST_TEST_FILE, "split it by behaviour"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=relative)
def test_a_function_has_at_most_40_lines(path: Path) -> None:
    too_long = {
        function.name: length
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert not too_long, "give each branch or step a function of its own"
