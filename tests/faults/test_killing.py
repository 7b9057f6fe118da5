"""The short form of the kill campaign, and its control; the long form is a command (tests/faults/killing.py)."""

from pathlib import Path

from tests.faults.killing import kill_under_load, summary


async def test_nothing_acknowledged_is_lost_or_doubled_by_kills_of_server_and_database(open_directory: Path) -> None:
    history, violations = await kill_under_load(open_directory / "killed", cycles=8, seed=20)
    print(summary(history, 8, 20))
    assert not violations
    assert history.started
    assert history.completed


async def test_a_database_that_confirms_too_early_is_caught(open_directory: Path) -> None:
    _, violations = await kill_under_load(open_directory / "weakened", cycles=1, seed=21, weakened=True)
    assert "is lost" in violations
