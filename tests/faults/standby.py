"""A second PostgreSQL that follows a first one, asynchronously, and takes its place when it is told to."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import asyncpg

from infra.embedded_postgres import DATABASE, EmbeddedPostgres
from infra.postgres_binaries import installed_binaries
from infra.postgres_cluster import ROLE
from infra.postgres_placement import Place
from tests.faults.killing import kill_family

START_SECONDS = 60.0


class Standby:
    """The copy of a primary below ``directory``; ``dsn`` leads to whichever of the two takes writes."""

    def __init__(self, primary: EmbeddedPostgres, directory: Path) -> None:
        self._primary = primary
        self._cluster = directory / "postgres"
        self._socket = directory / "socket"
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    @property
    def dsn(self) -> str:
        hosts = ",".join(quote(str(path), safe="/") for path in (self._primary_socket, self._socket))
        return f"postgresql://{ROLE}@/{DATABASE}?host={hosts}&target_session_attrs=read-write"

    async def copy(self) -> None:
        """Copy the primary while it runs, as ``pg_basebackup`` does it."""
        self._directory.mkdir()
        self._directory.chmod(0o711)
        await ran("pg_basebackup", "-D", self._cluster, "-h", self._primary_socket, "-U", ROLE, "-R", "-c", "fast")
        self._place.private_directory(self._socket)
        for path in (self._cluster, *self._cluster.rglob("*")):
            self._place.give(path)

    async def start(self) -> None:
        """Return once it can be asked."""
        settings = {"unix_socket_directories": self._socket, "listen_addresses": "", "shared_buffers": "32MB"}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        program = str(self._place.programs / "postgres")
        with (self._directory / "postgres.log").open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *self._place.command(self._cluster, program, "-D", str(self._cluster), *options),
                stdin=asyncio.subprocess.PIPE,
                stdout=said,
                stderr=said,
            )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, (self._directory / "postgres.log").read_text()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Shut it down; harmless when it does not run."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            await self._process.wait()

    async def follows(self, position: int) -> None:
        """Return once it has the log up to a position."""
        async with asyncio.timeout(START_SECONDS):
            while await self.asked("select position from log.head") < position:  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.02)

    async def take_over(self) -> None:
        """Kill the primary for good, and promote this one."""
        await gone(self._primary)
        if self._process is None or self._process.returncode is not None:
            await self.start()
        assert await self.asked("select pg_promote()")

    async def asked(self, question: str) -> int:
        connection = await asyncpg.connect(f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self._socket), safe='/')}")
        try:
            answer: int = await connection.fetchval(question)
        finally:
            await connection.close()
        return answer

    async def _answers(self) -> bool:
        try:
            await self.asked("select 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    @property
    def _place(self) -> Place:
        place = self._primary._place
        assert place is not None
        return place

    @property
    def _primary_socket(self) -> Path:
        socket = self._primary._socket
        assert socket is not None
        return socket


async def gone(server: EmbeddedPostgres) -> None:
    """Kill a server that nobody is to start again."""
    watch, pid = server._watch, server.pid
    assert watch is not None
    assert pid is not None
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    kill_family(pid)


async def ran(program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's own programs; it has to succeed."""
    command = [str(installed_binaries() / program), *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


def copied(cluster: Path, to: Path) -> None:
    """Copy the files of a server that is shut down, with their owners: a cold backup, or its restore."""
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(cluster, to)
    for path in (cluster, *cluster.rglob("*")):
        owner = path.lstat()
        os.chown(to / path.relative_to(cluster), owner.st_uid, owner.st_gid, follow_symlinks=False)
