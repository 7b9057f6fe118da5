"""The directory in which one installation keeps what is its own; one process has it at a time.

What is in it::

    annals.lock     locked for as long as a process has the directory; its text is that process's id
    postgres.json   where the embedded cluster and its socket are (see Whereabouts)
    postgres.log    what the embedded server says
    postgres/       the embedded cluster, unless its user cannot reach it here (see postgres_placement)
"""

import asyncio
import fcntl
import os
import time
from pathlib import Path
from typing import BinaryIO

import msgspec

ENDING_SECONDS = 0.5
LOG_BYTES = 16 << 20  # a longer log is put aside at the next start, one old log is kept


class DataDirectoryInUse(Exception):
    """Another process has this data directory."""


class DataDirectoryUnusable(Exception):
    """This process may not use the data directory, or something in it is not as it was left."""


class Whereabouts(msgspec.Struct, frozen=True):
    """Where the embedded server keeps its files; ``home`` is the data directory itself or a directory of its own.

    In the file, paths in the data directory are relative to it, so that it can be moved.
    """

    home: Path
    socket: Path


class DataDirectory:
    """Files of the installation at ``path`` (made absolute, so that a later change of directory does no harm)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._locks: list[BinaryIO] = []

    def create(self) -> None:
        """Make the directory: closed to others, except that root lets the server's user pass through."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                self.path.chmod(mode)
        except OSError as error:
            raise DataDirectoryUnusable(f"cannot make the data directory {self.path}: {error.strerror}") from error

    async def lock(self, directory: Path) -> None:
        """Lock a directory (this one, and the server's home elsewhere) until ``unlock`` or the end of the process.

        Raise ``DataDirectoryInUse`` naming the process that holds it. The kernel gives the lock back when the process
        ends, however it ends; one that was killed just now is given the moment that it takes to end.
        """
        path = directory / "annals.lock"
        try:
            file = os.fdopen(open_private(path, os.O_RDWR), "r+b", buffering=0)
        except OSError as error:
            raise DataDirectoryUnusable(f"cannot open {path}: {error.strerror}") from error
        deadline = time.monotonic() + ENDING_SECONDS
        while not lock_file(file.fileno()):
            if time.monotonic() > deadline:
                holder = file.read().decode().strip() or "unknown"
                file.close()
                raise DataDirectoryInUse(
                    f"{self.path} is in use by process {holder}: stop it, or choose another ANNALS_DATA_DIR"
                )
            await asyncio.sleep(0.02)
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        self._locks.append(file)

    def unlock(self) -> None:
        while self._locks:
            self._locks.pop().close()

    def whereabouts(self) -> Whereabouts | None:
        """Return where the embedded server's files are, ``None`` when there never was one."""
        path = self.path / "postgres.json"
        if not path.exists():
            return None
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Whereabouts, dec_hook=_path)
        except (OSError, msgspec.MsgspecError) as error:
            raise DataDirectoryUnusable(f"cannot read {path}: {error}") from error
        if found.home != Path() and path.stat().st_uid not in (0, os.geteuid()):
            raise DataDirectoryUnusable(f"{path} leads elsewhere, and it is neither root's nor ours")
        return Whereabouts(home=self.path / found.home, socket=self.path / found.socket)

    def remember(self, whereabouts: Whereabouts) -> None:
        """Write ``whereabouts`` so that a reader sees the old file or the new one, never a part."""
        path = self.path / "postgres.json"
        text = msgspec.json.encode(whereabouts, enc_hook=self._written)
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with unfinished.open("xb") as file:
            file.write(text + b"\n")
            os.fsync(file.fileno())
        unfinished.replace(path)

    def _written(self, path: Path) -> str:
        return str(path.relative_to(self.path) if path.is_relative_to(self.path) else path)

    def open_log(self) -> BinaryIO:
        """Open the server's log for appending, after putting a long one aside."""
        path = self.path / "postgres.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.old"))
        return os.fdopen(open_private(path, os.O_WRONLY | os.O_APPEND), "ab")


def lock_file(descriptor: int) -> bool:
    """Lock the file without waiting; tell whether it is locked now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_private(path: Path, flags: int) -> int:
    """Open a file, or make it for its directory's owner alone, and return the descriptor.

    Root may run in another user's directory. It then follows no link that this user may have put there, and leaves no
    file that this user cannot open afterwards.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _path(kind: type[Path], text: str) -> Path:
    return kind(text)
