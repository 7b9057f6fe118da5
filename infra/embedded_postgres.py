"""A PostgreSQL server of our own: started below a data directory, watched, restarted when it dies, gone when we are."""

import asyncio
import contextlib
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

import asyncpg
import structlog

from infra.data_directory import DataDirectory, Whereabouts
from infra.postgres_cluster import ROLE, SERVER_SETTINGS, EmbeddedPostgresFailed, initialise, wait_for_leftovers
from infra.postgres_placement import ENVIRONMENT, HOMES, Place, find_place

DATABASE = "annals"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes: 107 on Linux, 103 on macOS
PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)  # what neither a DSN nor PostgreSQL's list of directories splits

START_SECONDS = 300.0  # recovery after a crash may have to read all of max_wal_size
BUSY_SECONDS = 10.0  # for processes of a killed server to see that it is gone
RESTART_DELAYS = (0.05, 0.2, 1.0, 5.0)  # seconds between attempts; the last one is repeated
SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))  # fast, immediate, none

STILL_BUSY = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')

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
        assert self._socket is not None, "not started"  # noqa: S101
        return socket_dsn(self._socket, database)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return when the server takes connections and the database ``annals`` exists.

        Raise ``DataDirectoryInUse``, ``DataDirectoryUnusable``, ``NoBinaries`` or ``EmbeddedPostgresFailed``.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self.data.create()
        self.data.lock(self.data.path)
        place = self._place = await find_place(self.data, self._homes)
        if place.home != self.data.path:
            self.data.lock(place.home)
        await wait_for_leftovers(place)
        await initialise(place)
        self._socket = self._socket_directory(place)
        self.data.remember(Whereabouts(home=place.home, socket=self._socket))
        await self._launch()
        await self._create_database()
        self._watch = asyncio.create_task(self._keep_running(), name="embedded PostgreSQL")

    async def stop(self) -> None:
        """Shut the server down and give the data directory back; harmless when it is not running."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        await self._shut_down()
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
        self.data.unlock()

    def _socket_directory(self, place: Place) -> Path:
        """Make the private directory of the socket: in the home, or in /tmp where the path would not do."""
        socket = place.home / "socket"
        if len(bytes(socket / SOCKET_NAME)) > SOCKET_PATH_LIMIT or not PLAIN_PATH.fullmatch(str(socket)):
            socket = Path(tempfile.mkdtemp(prefix="annals-", dir="/tmp"))
        return place.private_directory(socket)

    async def _launch(self) -> None:
        """Start the server and wait until it answers."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            with self.data.open_log() as output:
                begin = output.tell()
                self._process = await self._spawn(output)
            if await self._answers():
                return
            said = self._said_since(begin)
            if time.monotonic() > deadline or not any(sign in said for sign in STILL_BUSY):
                raise EmbeddedPostgresFailed(f"PostgreSQL does not start: {said.strip()[-2000:]}")
            await asyncio.sleep(0.1)

    async def _spawn(self, output: BinaryIO) -> asyncio.subprocess.Process:
        assert self._place is not None  # noqa: S101
        settings = {**SERVER_SETTINGS, "unix_socket_directories": str(self._socket)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        program = str(self._place.programs / "postgres")
        return await asyncio.create_subprocess_exec(
            *self._place.command(self._place.cluster, program, "-D", str(self._place.cluster), *options),
            stdin=asyncio.subprocess.PIPE,  # see postgres_launcher: its end tells that we are gone
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # a Ctrl-C at the terminal is ours alone; we stop the server when we are done
        )

    def _said_since(self, begin: int) -> str:
        with (self.data.path / "postgres.log").open("rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace")

    async def _answers(self) -> bool:
        """Wait for the server's first answer; return whether there was one before it ended."""
        assert self._process is not None  # noqa: S101
        deadline = time.monotonic() + START_SECONDS
        while self._process.returncode is None:
            with contextlib.suppress(OSError, asyncpg.CannotConnectNowError, TimeoutError):
                connection = await asyncpg.connect(self.dsn("postgres"), timeout=5)
                await connection.close()
                return True
            if time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(f"PostgreSQL does not answer within {START_SECONDS:.0f} s")
            await asyncio.sleep(0.01)
        return False

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self.dsn("postgres"), timeout=5)
        try:
            if not await connection.fetchval("select exists (select from pg_database where datname = $1)", DATABASE):
                await connection.execute(f"create database {DATABASE}")
        finally:
            await connection.close()

    async def _keep_running(self) -> None:
        """Restart the server whenever it ends, at longer and longer intervals while it does not come up."""
        while True:
            assert self._process is not None  # noqa: S101
            code = await self._process.wait()
            self.deaths += 1
            log.error("PostgreSQL died and is restarted", exit_code=code)
            for attempt in range(1 << 30):
                await asyncio.sleep(RESTART_DELAYS[min(attempt, len(RESTART_DELAYS) - 1)])
                try:
                    await self._launch()
                except (EmbeddedPostgresFailed, OSError) as error:
                    log.error("PostgreSQL does not come up again", attempt=attempt + 1, error=str(error))  # noqa: TRY400  (the sentence says it all)
                    await self._shut_down()
                else:
                    break

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


def socket_dsn(socket: Path, database: str) -> str:
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(socket))}"
