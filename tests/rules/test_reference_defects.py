"""Each defect of the reference engine has a row in docs/api.md, with tests that show what happens here instead."""

import re

import pytest

from tests.rules.source_tree import ROOT, functions, python_files

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Where the reference engine errs\n")[1].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (\d+) \|(.+)\|$", SECTION, re.MULTILINE))
#: As many has the contract's section 3.3.
DEFECTS = 20

TESTS = {function.name for path in python_files("tests") for function in functions(path)}


def test_every_defect_has_one_row() -> None:
    numbers = re.findall(r"^\| (\d+) \|", SECTION, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, DEFECTS + 1)]


@pytest.mark.parametrize("number", ROWS)
def test_a_defect_names_tests_that_are_there(number: str) -> None:
    named = re.findall(r"`(test_\w+)`", ROWS[number].rpartition(" | ")[2])
    assert named
    assert [name for name in named if name not in TESTS] == []
