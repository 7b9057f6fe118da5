"""Tables at the command line show ids whole, however narrow the place is."""

import msgspec
import pytest

from api.cli.tables import show

ID = "msg_01M7Y8FM3FSN3GY8678C08N2P4-198"


class Row(msgspec.Struct):
    """Wider than any terminal."""

    id: str
    first_time: str = "2026-11-21T05:23:46.927Z"
    one: str = "a" * 60
    two: str = "b" * 60
    three: str = "c" * 60


def test_in_a_pipe_nothing_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    show([Row(ID)], as_json=False)
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("msg_")]
    assert line.split() == list(msgspec.structs.astuple(Row(ID)))


def test_in_a_narrow_terminal_each_row_is_a_block(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show([Row(ID), Row("second")], as_json=False)
    said = capsys.readouterr().out
    assert ID in said
    assert "first time" in said
    assert "second" in said
    assert "…" not in said


def test_no_rows_are_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    show([], as_json=False)
    assert not capsys.readouterr().out.strip(" \n─")
