"""``annals serve`` as a process of its own, for the time of a measurement."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

KEY = "a-key-for-the-benchmark"


class Served(NamedTuple):
    """A server that listens; its owner key is ``KEY``."""

    url: str
    pid: int


@contextmanager
def serving(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run a server on a data directory until the block ends; ``settings`` by the names of their variables."""
    environment = {
        **os.environ,  # noqa: TID251  (inherited, not a setting)
        "ANNALS_BOOTSTRAP_KEY": KEY,
        "ANNALS_LOG_LEVEL": "warning",
        "ANNALS_ENTERPRISE_LIMIT": "1000000",
        **(settings or {}),
    }
    program = str(Path(sys.executable).with_name("annals"))
    command = [program, "serve", "--port", "0", "--data-dir", str(directory)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "listens on" in line:
                break
        else:
            raise RuntimeError("".join(said))
        try:
            yield Served(said[-1].rsplit(" ", 1)[1].strip(), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
