"""The embedded server's cluster: its making, its settings, and what a killed predecessor may have left running."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from infra.postgres_placement import ENVIRONMENT, Place

ROLE = "annals"
LEFTOVER_SECONDS = 60.0  # a fast shutdown writes a checkpoint first

# Sized for a small server that shares two cores with us; durability is PostgreSQL's default and said aloud.
SERVER_SETTINGS: Mapping[str, str] = {
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
    "jit": "off",  # the programs come without it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_error_verbosity": "terse",  # details and statements hold the values that people entered
    "log_min_error_statement": "panic",
}

log = structlog.get_logger(__name__)


class EmbeddedPostgresFailed(Exception):  # noqa: N818  (named for what it says, like every refusal here)
    """The embedded PostgreSQL cannot be made or does not start; the sentence holds its own last words."""


async def initialise(place: Place) -> None:
    """Make the cluster where there is none; one that was not finished does not count."""
    if (place.cluster / "PG_VERSION").exists():
        return
    unfinished = place.home / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    place.private_directory(unfinished)
    options = ("-U", ROLE, "-A", "trust", "-E", "UTF8", "-k")
    # Sorted by code point whatever the operating system's release thinks of a language.
    collation = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    command = place.command(unfinished, str(place.programs / "initdb"), "-D", str(unfinished), *options, *collation)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    assert process.stderr is not None  # noqa: S101  (asked for above)
    said = (await process.stderr.read()).decode(errors="replace")
    if await process.wait() != 0:
        raise EmbeddedPostgresFailed(f"cannot make a cluster in {place.home}: {said.strip()[-2000:]}")
    unfinished.rename(place.cluster)
    _sync_directory(place.home)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def wait_for_leftovers(place: Place) -> None:
    """Wait until no process works in the cluster any more. The caller holds the lock, so these are a dead one's.

    After ``kill -9`` of its parent a server shuts down by itself, which may take a while; one that does not is told to.
    """
    deadline = time.monotonic() + LEFTOVER_SECONDS
    told = False
    while leftovers := _processes_in(place.cluster):
        postmaster = _postmaster(place.cluster)
        if postmaster in leftovers and not told:
            log.warning("waiting for the former PostgreSQL to shut down", pid=postmaster)
            os.kill(postmaster, signal.SIGINT)
            told = True
        if time.monotonic() > deadline:
            raise EmbeddedPostgresFailed(f"the former PostgreSQL does not end: processes {sorted(leftovers)}")
        await asyncio.sleep(0.02)


def _processes_in(cluster: Path) -> set[int]:
    """Return the processes whose working directory is the cluster, which is where all of a server's are (Linux)."""
    if sys.platform != "linux":
        return set()  # there the server's own lock file speaks, see EmbeddedPostgres
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == cluster.resolve():
                found.add(int(process.name))
        except OSError:  # gone, or another user's
            continue
    return found


def _postmaster(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
