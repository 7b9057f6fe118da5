"""The command ``annals`` as a user has it: a process of its own, with nothing of the tests' environment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from api.cli import main; main(prog_name='annals')"]

#: Seconds that a command may take on a machine with better things to do.
PATIENCE = 90


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def environment(**settings: object) -> dict[str, str]:
    """Return the environment without settings of Annals, but for the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANNALS_")}  # noqa: TID251  (for a child)
    given = {f"ANNALS_{name.upper()}": str(value) for name, value in settings.items()}
    return kept | given | {"PYTHONPATH": str(ROOT)}


def annals(*arguments: str, **settings: object) -> Ended:
    """Run a command to its end."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd="/",
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def started(*arguments: str, **settings: object) -> Iterator["subprocess.Popen[str]"]:
    """Start a command that goes on until the block ends; its error output can be read line by line."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": "/"}
    process = subprocess.Popen([*COMMAND, *arguments], env=environment(**settings), **pipes)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
