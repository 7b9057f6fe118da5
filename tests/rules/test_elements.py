"""A BPMN element is one module named for its type, a story in the tests and one row in docs/bpmn.md."""

import re

import pytest

from domain.bpmn.elements import ELEMENTS
from domain.bpmn.graph import ElementType
from domain.bpmn.reader.vocabulary import PLAIN_VALUES
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


@pytest.mark.parametrize("module", MODULES)
def test_an_element_says_where_the_standard_describes_it(module: str) -> None:
    assert re.search(r"\(BPMN 2\.0, [0-9.]+[;)]", (FOLDER / f"{module}.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_an_element_that_runs_has_its_row_in_the_documentation_with_the_test_that_proves_it(module: str) -> None:
    row = re.search(rf"^\|[^|]+\| `{module.upper()}` \|[^|]+\| `{module}` \| `(test_\w+)` \|$", RUNNING, re.MULTILINE)
    assert row is not None
    story = (ROOT / "tests" / "bpmn" / f"{row[1]}.py").read_text(encoding="utf-8")
    assert "Story(" in story or "Stage(" in story
    assert all(word in story.lower() for word in module.split("_"))


def test_a_test_that_the_documentation_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", RUNNING))
    assert named <= {path.stem for path in (ROOT / "tests" / "bpmn").glob("test_*.py")}


def test_every_type_that_clients_know_runs() -> None:
    assert set(ELEMENTS) == set(ElementType)


@pytest.mark.parametrize("value", [words for _, words in PLAIN_VALUES.values()])
def test_what_is_refused_is_documented_as_refused(value: str) -> None:
    assert value.split(maxsplit=1)[0] in REFUSED


def test_flow_nodes_without_a_type_are_documented_as_refused() -> None:
    assert all(name in REFUSED for name in ("complex gateway", "ad-hoc sub-process"))
