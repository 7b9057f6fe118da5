"""A read model is a folder of four files, listed once, apart from the others, and asks nothing that nobody needs."""

import re
from pathlib import Path

import pytest

from projections.database import named_queries
from tests.rules.source_tree import ROOT, pyproject, python_files, words_in

FOLDERS = sorted(path.parent for path in (ROOT / "projections").rglob("projector.py"))


def name_of(folder: Path) -> str:
    return folder.relative_to(ROOT).as_posix().replace("/", ".")


def words_of(folder: Path) -> set[str]:
    return set().union(*(words_in(path) for path in python_files(folder.relative_to(ROOT).as_posix())))


def test_there_are_read_models_to_look_at() -> None:
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_read_model_has_a_table_and_a_projector_and_its_questions(folder: Path) -> None:
    missing = [name for name in ("table.sql", "queries.sql", "queries.py") if not (folder / name).exists()]
    assert not missing


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_read_model_stands_in_the_catalogue(folder: Path) -> None:
    catalogue = (ROOT / "projections" / "catalogue.py").read_text(encoding="utf-8")
    assert re.search(rf"\b{folder.name}\b", catalogue)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_named_query_is_asked_by_the_read_model(folder: Path) -> None:
    assert set(named_queries(folder / "queries.sql")) <= words_of(folder)


def test_no_read_model_may_import_another() -> None:
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    apart = {module for contract in contracts if contract["type"] == "independence" for module in contract["modules"]}
    assert {name_of(folder) for folder in FOLDERS} <= apart
