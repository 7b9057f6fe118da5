"""Snapshots are told from those of other releases by the shape of the state and by the code that folds it."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from commands.snapshots import shape_of

STATE = "import msgspec\nclass State(msgspec.Struct):\n    count: int = 0\n"
FOLDING = "def evolve(state):\n    state.count += 1\n"


def state_type(code: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the type ``State`` of a module of this code."""
    path.write_text(code)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module.State


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
    ours = state_type(STATE + FOLDING, tmp_path / "ours.py", monkeypatch)
    theirs = state_type(other, tmp_path / "theirs.py", monkeypatch)
    assert (shape_of(ours) == shape_of(theirs)) is alike
