"""A BPMN element is one module, one line in the table, a story in the tests and one row in docs/bpmn.md."""

import re

import pytest

from domain.bpmn.elements import ELEMENTS
from domain.bpmn.graph import ElementType
from tests.rules.source_tree import ROOT

FOLDER = ROOT / "domain" / "bpmn" / "elements"
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
RUNNING, REFUSED = (
    (ROOT / "docs" / "bpmn.md").read_text(encoding="utf-8").split("\n## Elements that are known and refused\n")
)


def test_there_are_elements_to_look_at() -> None:
    assert "exclusive_gateway" in MODULES


def test_the_table_of_elements_names_every_module_by_its_type() -> None:
    assert sorted(element.value.lower() for element in ELEMENTS) == MODULES


def tags_of(module: str) -> set[str]:
    """Return the names of an element in stories: as in XML (``serviceTask``), or of an event (``timerCatch``)."""
    return {camel(module.removeprefix("none_")), camel(module.removesuffix("_event"))}


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@pytest.mark.parametrize("module", MODULES)
def test_an_element_is_told_of_in_a_story(module: str) -> None:
    stories = [path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "bpmn").glob("test_*.py")]
    tags = "|".join(tags_of(module))
    assert any("Story(" in story and re.search(rf"\b(?:{tags})\b", story) for story in stories)


@pytest.mark.parametrize("module", MODULES)
def test_an_element_says_where_the_standard_describes_it(module: str) -> None:
    assert re.search(r"\(BPMN 2\.0, [0-9.]+\)", (FOLDER / f"{module}.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_an_element_that_runs_has_its_row_in_the_documentation(module: str) -> None:
    assert re.search(rf"^\|[^|]+\| `{module.upper()}` \|[^|]+\| `{module}` \|$", RUNNING, re.MULTILINE)


@pytest.mark.parametrize("element", [element for element in ElementType if element not in ELEMENTS])
def test_an_element_that_is_refused_is_documented_as_refused(element: ElementType) -> None:
    assert f"`{element}`" in REFUSED
    assert f"`{element}`" not in RUNNING
