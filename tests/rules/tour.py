"""The tour in README.md as a script: its commands, what the page says they print, and what they do print."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.rules.source_tree import ROOT

README = ROOT / "README.md"
STEP = re.compile(
    r"<!-- tour(?P<kind>: server)? -->\n```sh\n(?P<script>.*?)```\n\n```text\n(?P<output>.*?)```\n", re.DOTALL
)
END = "-- end of step --"
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Step(NamedTuple):
    """A block of commands, and the block under it."""

    script: str
    output: str


def steps(*, server: bool = False) -> list[Step]:
    """Return the steps in the second terminal, or the one that starts the server."""
    return [
        Step(found["script"], found["output"])
        for found in STEP.finditer(README.read_text(encoding="utf-8"))
        if bool(found["kind"]) is server
    ]


def lay_out(folder: Path, annals: Path) -> None:
    """Put into a folder what the tour finds in a checkout: its model, and the installed command."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "annals").symlink_to(annals)
    (folder / "docs").symlink_to(ROOT / "docs")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """Start the server as the tour does, on a free port; give what it said and that port."""
    with _bash(folder, f"exec env {steps(server=True)[0].script.strip()} --port 0") as process:
        try:
            assert process.stdout is not None
            said = "".join(process.stdout.readline() for _ in steps(server=True)[0].output.splitlines())
            address = ADDRESS.search(said)
            assert address, said
            yield said, address[1]
        finally:
            process.terminate()


def run(folder: Path, port: str) -> list[str]:
    """Run the steps of the second terminal in one shell; return what each printed."""
    script = "".join(f"{step.script}\necho; echo '{END}'\n" for step in steps()).replace(":8080", f":{port}")
    with _bash(folder, f"set -eu\n{script}") as process:
        printed, _ = process.communicate(timeout=100)
        assert process.returncode == 0, printed
    return [output.strip("\n") for output in printed.split(END)[:-1]]


def _bash(folder: Path, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=_plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _plain_environment() -> dict[str, str]:
    """Return the environment of a new terminal, without settings of whoever runs the tests."""
    inherited = os.environ  # noqa: TID251  (of the terminal, not settings of ours)
    kept = {name: value for name, value in inherited.items() if not name.startswith("ANNALS_")}
    return {**kept, "ANNALS_LOG_LEVEL": "warning", "COLUMNS": "100"}


def without_the_moment(text: str) -> str:
    """Put a word in place of whatever differs from one run to the next: times, durations, ports."""
    text = re.sub(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?", "<time>", text)
    text = re.sub(r"\b\d{13}\b", "<ms>", text)
    text = re.sub(r"\b\d:\d\d:\d\d\b", "<duration>", text)
    text = re.sub(r"inc_[0-9A-HJKMNP-TV-Z]{26}", "<ulid>", text)
    text = ADDRESS.sub("<address>", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
