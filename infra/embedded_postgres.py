"""A PostgreSQL server of our own: started below a data directory, watched, restarted when it dies, gone when we are."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg
import structlog

from infra.data_directory import DataDirectory, DataDirectoryInUse, Whereabouts
from infra.postgres_cluster import (
    ROLE,
    EmbeddedPostgresFailed,
    initialise,
    lock_cluster,
    says_ready,
    server_command,
    spawn,
)
from infra.postgres_placement import HOMES, Place, find_place

DATABASE = "postgres"  # it comes with the cluster; another one would be 300 files more to write at the first start
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes: 107 on Linux, 103 on macOS
PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)  # what neither a DSN nor PostgreSQL's list of directories splits
ELSEWHERE = "/tmp"  # noqa: S108  (a directory there is new, has mode 0700 and a random name)

START_SECONDS = 300.0  # recovery after a crash may have to read all of max_wal_size
OTHER_SECONDS = 10.0  # for another process to start or stop the server that we look for
RESTART_DELAYS = (0.05, 0.1, 0.5, 2.0)  # seconds between attempts; the last one is repeated
STABLE_SECONDS = 2.0  # a server that lived longer is restarted at once again
SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # fast, immediate, none

log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """The server below ``data_dir``; use as ``async with``, or call ``start`` and ``stop``.

    Start it from a thread that lives as long as the server is to live: the kernel's parent-death signal comes when the
    starting thread ends. ``deaths`` counts how often the server has died and was restarted.
    """

    def __init__(self, data_dir: Path, homes: Sequence[Path] = HOMES) -> None:
        self.data = DataDirectory(data_dir)
        self.deaths = 0
        self._homes = homes
        self._place: Place | None = None
        self._socket: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process, ``None`` while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def dsn(self, database: str = DATABASE) -> str:
        """Return the URL of a database of this server, for asyncpg and libpq alike."""
        assert self._socket is not None, "not started"  # noqa: S101  (a mistake of the caller, not of input)
        return socket_dsn(self._socket, database)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return when the server takes connections.

        Raise ``DataDirectoryInUse``, ``DataDirectoryUnusable``, ``NoBinaries`` or ``EmbeddedPostgresFailed``.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self.data.create()
        await self.data.lock(self.data.path)
        place = self._place = await find_place(self.data, self._homes)
        if place.home != self.data.path:
            await self.data.lock(place.home)
        await initialise(place)
        self._socket = self._socket_directory(place)
        self.data.remember(Whereabouts(home=place.home, socket=self._socket))
        await self._launch(place, self._socket)
        self._watch = asyncio.create_task(self._keep_running(place, self._socket), name="embedded PostgreSQL")
        log.info("PostgreSQL is running", pid=self.pid, cluster=str(place.cluster))

    async def stop(self) -> None:
        """Shut the server down and give the data directory back; harmless when it is not running."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._shut_down()
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
        self.data.unlock()

    def _socket_directory(self, place: Place) -> Path:
        """Make the private directory of the socket: in the home, or in /tmp where the path would not do."""
        socket = place.home / "socket"
        former = self.data.whereabouts()
        if former is not None and former.socket.match(f"{ELSEWHERE}/annals-*"):
            shutil.rmtree(former.socket, ignore_errors=True)
        shutil.rmtree(socket, ignore_errors=True)
        if len(bytes(socket / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(str(socket)):
            return place.private_directory(socket)
        elsewhere = Path(tempfile.mkdtemp(prefix="annals-", dir=ELSEWHERE))
        place.give(elsewhere)
        return elsewhere

    async def _launch(self, place: Place, socket: Path) -> None:
        """Start the server and wait until it answers."""
        lock = await lock_cluster(place)
        try:
            _empty(socket)
            with self.data.open_log() as output:
                begin = output.tell()
                self._process = await spawn(server_command(place, socket), output, lock)
        finally:
            os.close(lock)
        if not await self._answers(self._process, place):
            raise EmbeddedPostgresFailed(f"PostgreSQL does not start: {self._said_since(begin)}")

    def _said_since(self, begin: int) -> str:
        with (self.data.path / "postgres.log").open("rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace").strip()[-2000:]

    async def _answers(self, process: asyncio.subprocess.Process, place: Place) -> bool:
        """Wait until the server is ready and answers; return whether it did before it ended."""
        deadline = time.monotonic() + START_SECONDS
        while process.returncode is None:
            if says_ready(place.cluster):
                with contextlib.suppress(OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
                    connection = await asyncpg.connect(self.dsn(), timeout=5)
                    await connection.close()
                    return True
            if time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(f"PostgreSQL does not answer within {START_SECONDS:.0f} s")
            await asyncio.sleep(0.01)
        return False

    async def _keep_running(self, place: Place, socket: Path) -> None:
        """Restart the server whenever it ends, more and more slowly when it does not stay."""
        attempt, since = 0, time.monotonic()
        while True:
            if self._process is not None:
                code = await self._process.wait()
                self.deaths += 1
                log.error("PostgreSQL died and is restarted", exit_code=code)
                if time.monotonic() - since > STABLE_SECONDS:
                    attempt = 0
            await asyncio.sleep(RESTART_DELAYS[min(attempt, len(RESTART_DELAYS) - 1)])
            attempt += 1
            await self._restart(place, socket)
            since = time.monotonic()

    async def _restart(self, place: Place, socket: Path) -> None:
        try:
            await self._launch(place, socket)
        except (EmbeddedPostgresFailed, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.error("PostgreSQL does not come up again", error=str(error))  # noqa: TRY400  (the sentence says it all)
            await self._shut_down()

    async def _shut_down(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for sign, seconds in SHUTDOWN:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(sign)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                return


def _empty(directory: Path) -> None:
    for leftover in directory.iterdir():
        leftover.unlink()


def socket_dsn(socket: Path, database: str) -> str:
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(socket))}"


@asynccontextmanager
async def reachable_postgres(data_dir: Path) -> AsyncIterator[str]:
    """Give the URL of the database below ``data_dir``: of the server that runs there, else of one started for now."""
    dsn, server = await _reach(data_dir)
    try:
        yield dsn
    finally:
        if server is not None:
            await server.stop()


async def _reach(data_dir: Path) -> tuple[str, EmbeddedPostgres | None]:
    """Find the running server or start one; another process may be about to do either, and is given some time."""
    deadline = time.monotonic() + OTHER_SECONDS
    while (dsn := await running_dsn(data_dir)) is None:
        server = EmbeddedPostgres(data_dir)
        try:
            await server.start()
        except DataDirectoryInUse:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return server.dsn(), server
    return dsn, None


async def running_dsn(data_dir: Path) -> str | None:
    """Return the URL of the database of the server that runs below ``data_dir`` by whatever process, else ``None``."""
    whereabouts = DataDirectory(data_dir).whereabouts()
    if whereabouts is None:
        return None
    dsn = socket_dsn(whereabouts.socket, DATABASE)
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(dsn, timeout=5)
        await connection.close()
        return dsn
    return None
