"""What the tests of the embedded server share: processes that hold one, and a look at which processes are left."""

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from tests.rules.source_tree import ROOT

IS_ROOT = os.geteuid() == 0
SITE_PACKAGES = Path(asyncpg.__file__).parent.parent

#: A process like ours: starts the server, says so, and lives until it is ended. Arguments: data directory, launcher.
HOLDER = """
import asyncio, json, sys
from pathlib import Path
import structlog
from infra import embedded_postgres, postgres_placement

async def hold():
    server = embedded_postgres.EmbeddedPostgres(Path(sys.argv[1]), homes=[])
    await server.start()
    print(json.dumps({"pid": server.pid, "dsn": server.dsn()}), flush=True)
    await asyncio.sleep(600)

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
if sys.argv[2:]:
    postgres_placement.LAUNCHER = Path(sys.argv[2])
asyncio.run(hold())
"""


class Holder:
    """A process that holds an embedded server; ``answer`` is what it said once the server ran."""

    def __init__(self, process: "subprocess.Popen[str]", answer: Any) -> None:
        self.process = process
        self.answer = answer


@contextmanager
def holding(data_dir: Path, *arguments: str, command: Sequence[str] = (sys.executable,)) -> Iterator[Holder]:
    """Run a process that holds the server below ``data_dir``; kill it in the end, should it still live."""
    process = subprocess.Popen(
        [*command, "-c", HOLDER, str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Holder(process, json.loads(line))
    finally:
        process.kill()
        process.communicate()


def as_plain_user() -> list[str]:
    """Return a command for Python under an unprivileged user, skipping the test where there is none to be had."""
    if not IS_ROOT:
        return [sys.executable]
    drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env"]  # it is env that has no privileges
    release = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (sys.executable, shutil.which(release, path="/usr/local/bin:/usr/bin")):
        if interpreter and shutil.which(drop[0]):
            command = [*drop, interpreter]
            if subprocess.run([*command, "-c", ""], check=False, capture_output=True).returncode == 0:
                return command
    pytest.skip("nobody can run no Python of this release here")


def processes_in(cluster: Path) -> set[int]:
    """Return the processes whose working directory is the cluster: all of a server's."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == cluster:
                found.add(int(process.name))
        except OSError:
            continue
    return found


def left_after(seconds: float, cluster: Path) -> set[int]:
    """Wait until no process of the server is left, at most so long; return those that are."""
    deadline = time.monotonic() + seconds
    while (left := processes_in(cluster)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


class Rows:
    """A table of a test's own, so that tests can take turns with one data directory."""

    def __init__(self, table: str) -> None:
        self.table = table

    async def write(self, dsn: str, number: int) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(f"create table if not exists {self.table} (number integer)")
            await connection.execute(f"insert into {self.table} values ($1)", number)
        finally:
            await connection.close()

    async def kept(self, dsn: str) -> list[int]:
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch(f"select number from {self.table} order by number")
        finally:
            await connection.close()
        return [row["number"] for row in rows]

    async def kept_within(self, seconds: float, dsn: str) -> list[int]:
        """Return what is kept as soon as the server answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.kept(dsn)
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline, "the server does not come back"
                await asyncio.sleep(0.02)


def socket_of(dsn: str) -> Path:
    """Return the directory of the socket."""
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def move(path: Path, to: Path) -> None:
    path.rename(to)


def owner_of(path: Path) -> int:
    return path.stat().st_uid


def user_of(process: int | None) -> int:
    return owner_of(Path(f"/proc/{process}"))


def process_of(user: int) -> int:
    """Return a process that a user could signal: one of its own, else (nobody has none) our own."""
    return next((int(path.name) for path in Path("/proc").glob("[0-9]*") if owner_of(path) == user), os.getppid())


def last_line(path: Path) -> str:
    return path.read_text().splitlines()[-1]


def program_of(process: int | None) -> Path:
    return Path(f"/proc/{process}/exe").readlink()
