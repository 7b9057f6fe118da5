"""Snapshots are told from those of other releases by the shape of the state and by the code that folds it."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getmodule
from pathlib import Path
from types import ModuleType

import pytest

from commands.snapshots import shape_of
from commands.states import FOLDS
from domain.bpmn import evolution
from domain.coordination.unit_of_work import EVOLVE

STATE = "import msgspec\nclass State(msgspec.Struct):\n    count: int = 0\n"
FOLDING = "def evolve(state):\n    state.count += 1\n"


def written(code: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module of this code."""
    path.write_text(code)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (STATE + FOLDING, True),
        (STATE.replace("int", "str").replace("0", "''") + FOLDING, False),
        (STATE + FOLDING.replace("1", "2"), False),
    ],
    ids=["the same", "another shape", "folded otherwise"],
)
def test_a_snapshot_of_another_release_is_told_by_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, *, alike: bool
) -> None:
    ours = written(STATE + FOLDING, tmp_path / "ours.py", monkeypatch)
    theirs = written(other, tmp_path / "theirs.py", monkeypatch)
    assert (shape_of(ours.State, (ours,)) == shape_of(theirs.State, (theirs,))) is alike


def test_the_code_that_folds_a_state_counts_wherever_it_stands() -> None:
    folding = {kind: getmodule(evolve) for kind, evolve in EVOLVE.items()} | {"instance": evolution}
    for kind, rule in FOLDS.items():
        if rule.snapshot is not None:
            assert {folding[kind], getmodule(rule.snapshot)} <= set(rule.code)
