"""The embedded server's cluster: its making, its settings, and what a killed predecessor may have left running."""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import structlog

from infra.data_directory import lock_file, open_private
from infra.postgres_placement import ENVIRONMENT, Place

ROLE = "annals"
FORMER_SERVER_SECONDS = 60.0  # a fast shutdown writes a checkpoint first

CLUSTER_OPTIONS = (
    f"--username={ROLE}",
    "--auth=trust",  # for whoever can enter the directory of the socket
    "--data-checksums",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # sorted by code point, whatever the operating system's release thinks of a language
    *(("--sync-method=syncfs",) if sys.platform == "linux" else ()),  # one call instead of a thousand
)

# Sized for a small server that shares two cores with us; durability is PostgreSQL's default and said aloud.
SERVER_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),  # the same, after a crash
    "client_connection_check_interval": "1s",  # a killed process's long statement does not go on holding locks
    "jit": "off",  # the programs come without it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_error_verbosity": "terse",  # details and statements hold the values that people entered
    "log_min_error_statement": "panic",
}

log = structlog.get_logger(__name__)


class EmbeddedPostgresFailed(Exception):
    """The embedded PostgreSQL cannot be made or does not start; the sentence holds its own last words."""


async def initialise(place: Place) -> None:
    """Make the cluster where there is none; one that was not finished does not count."""
    if (place.cluster / "PG_VERSION").exists():
        return
    lock = await lock_cluster(place)
    try:
        unfinished = place.home / "postgres.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        await _make_cluster(place, place.private_directory(unfinished), lock)
        unfinished.rename(place.cluster)
    finally:
        os.close(lock)
    _sync_directory(place.home)


async def _make_cluster(place: Place, directory: Path, lock: int) -> None:
    command = place.command(directory, str(place.programs / "initdb"), "-D", str(directory), *CLUSTER_OPTIONS)
    process = await spawn(command, asyncio.subprocess.PIPE, lock)
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise EmbeddedPostgresFailed(f"cannot make a cluster in {place.home}: {said.decode(errors='replace')[-2000:]}")


def server_command(place: Place, socket: Path) -> list[str]:
    settings = {**SERVER_SETTINGS, "unix_socket_directories": str(socket)}
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    return place.command(place.cluster, str(place.programs / "postgres"), "-D", str(place.cluster), *options)


async def spawn(command: Sequence[str], output: int | BinaryIO, lock: int) -> asyncio.subprocess.Process:
    """Start a program that works in the cluster and holds its lock; all it says goes to ``output``."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,  # see postgres_launcher: its end tells that we are gone
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=[lock],
        start_new_session=True,  # a Ctrl-C at the terminal is ours alone; we stop the server when we are done
    )


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def lock_cluster(place: Place) -> int:
    """Lock the cluster for a program that is about to start and return the descriptor, to be inherited by it.

    All its processes inherit it, so that the lock lasts until the last of them has ended, also after ``kill -9``
    of the server. A predecessor whose parent was killed shuts down by itself and is waited for; what it wrote about its
    process is then out of date, and is removed, for the number may be another process's by now.
    """
    deadline = time.monotonic() + FORMER_SERVER_SECONDS
    descriptor = open_private(place.lock, os.O_RDWR)
    told = False
    while not lock_file(descriptor):
        if not told:
            log.warning("waiting for the former PostgreSQL to end", pid=_postmaster(place.cluster))
            told = True
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise EmbeddedPostgresFailed(f"the former PostgreSQL (process {_postmaster(place.cluster)}) does not end")
        await asyncio.sleep(0.02)
    (place.cluster / "postmaster.pid").unlink(missing_ok=True)
    return descriptor


def says_ready(cluster: Path) -> bool:
    """Tell whether the server has written that it takes connections."""
    return _server_file(cluster)[7:8] == ["ready"]


def _server_file(cluster: Path) -> list[str]:
    """Return what the server writes about itself: its process first, in line 8 whether it is ready."""
    with contextlib.suppress(OSError):
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    return []


def _postmaster(cluster: Path) -> str:
    return "".join(_server_file(cluster)[:1]) or "unknown"
