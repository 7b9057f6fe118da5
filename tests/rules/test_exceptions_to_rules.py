"""A check that is switched off says why, where it is switched off."""

import re
from pathlib import Path

import pytest

from tests.rules.source_tree import ROOT, python_files, relative, source_files

#: The forms are ``noqa: CODE  (why)`` and ``type: ignore[code]  # why``, both after a number sign.
SWITCHED_OFF = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover|fmt:\s*(?:off|skip))\b(?P<rest>.*)")
WITH_CODE_AND_REASON = re.compile(r"(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z-]+(,\s*[a-z-]+)*\]|)\s+(\(|#\s*)\S.{4,}")

EVERYTHING = [*source_files(), *(path for path in python_files("tests", "bench") if path != Path(__file__))]


@pytest.mark.parametrize("path", EVERYTHING, ids=relative)
def test_a_check_switched_off_in_a_line_names_the_rule_and_the_reason(path: Path) -> None:
    bare = [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := SWITCHED_OFF.search(line)) and not WITH_CODE_AND_REASON.match(found["rest"])
    ]
    assert not bare


def test_a_rule_of_ruff_switched_off_for_many_files_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports")]
    codes = re.findall(r'^ +"[A-Z]+\d*",(.*)$', ruff, re.MULTILINE)
    assert len(codes) > 10, "one code a line"
    assert all(re.match(r" +# \S.{8,}", reason) for reason in codes)


def test_a_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("\ndependencies = [") : text.index("[project.scripts]")]
    lines = re.findall(r'^ +"([a-zA-Z0-9-]+).*",?( +# \S.{3,})?$', section, re.MULTILINE)
    assert len(lines) > 10
    assert not [name for name, reason in lines if not reason]
