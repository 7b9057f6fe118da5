"""Exporting the whole log to a file, which appears under its name when it is complete.

Until then it has ``.part`` behind its name. An export that was broken off goes on where that ends, unless it is one of
another log. The file holds everything: whoever can read it can read all tenants, so that only its owner may.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import msgspec

from infra.event_feed.entries import Entry, readable
from infra.event_feed.lines import IdBlock, is_last, last_line, line_of, read_event
from infra.event_feed.pages import Bounds, Pages, Wanted

#: Called with the position that has been reached and the one that has to be.
OnProgress = Callable[[int, int], None]

AT_ONCE = Bounds(facts=5_000, bytes=4_000_000)

#: Bytes that are looked at together for the beginning of the last line, and for the hash of what is there.
BLOCK = 65_536

ID_BLOCKS = "select kind, next, nullif(day, '-infinity') as day from log.id_blocks order by kind, day"


class ExportRefused(Exception):
    """The file that is there already is not to be touched, or there can be none."""


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...


class ExportFile:
    """A file on its way to completeness: ``with ExportFile(path) as file``. Raise ``ExportRefused`` where it exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._file: BinaryIO | None = None
        self._digest = sha256()

    def __enter__(self) -> Self:
        if self.path.exists():
            raise ExportRefused(f"{self.path} is there already")
        with self._writing():
            file = os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")
        try:
            self._take(file)
        except BaseException:
            file.close()
            raise
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        with self._writing():
            self._opened.close()

    def last_event(self) -> bytes | None:
        """Return the line of the last whole event, None where there is none; cut off what is behind it.

        What is written from then on comes after it.
        """
        file, end = self._opened, self._end_of_lines(self._opened.seek(0, os.SEEK_END))
        while end:
            begin = self._end_of_lines(end - 1)
            file.seek(begin)
            line = file.read(end - begin)
            if not is_last(line):
                break
            end = begin
        file.truncate(end)
        file.seek(0)
        while block := file.read(BLOCK):
            self._digest.update(block)
        return line if end else None

    def write(self, lines: Sequence[bytes]) -> None:
        written = b"".join(line + b"\n" for line in lines)
        self._digest.update(written)
        with self._writing():
            self._opened.write(written)

    def complete(self, end: int, blocks: Sequence[IdBlock]) -> None:
        """Write the last line and give the file its name, once every byte is on the disk."""
        self.write([last_line(end, blocks, self._digest)])
        with self._writing():
            self._opened.flush()
            os.fsync(self._opened.fileno())
            self.part.rename(self.path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ExportRefused(f"{self.part} cannot be written: {error.strerror}") from error

    def _take(self, file: BinaryIO) -> None:
        """Make sure that nobody else writes the file, and that nobody else can have opened it to read."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportRefused(f"{self.part} is being written by another export") from error
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ExportRefused(f"{self.part} is no file of yours that only you may read: delete it to begin anew")

    def _end_of_lines(self, before: int) -> int:
        """Return where the last line ends that ends before, or at, a place in the file."""
        while before:
            begin = max(before - BLOCK, 0)
            self._opened.seek(begin)
            found = self._opened.read(before - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            before = begin
        return 0

    @property
    def _opened(self) -> BinaryIO:
        assert self._file is not None  # noqa: S101  (it is used inside its block)
        return self._file


async def export(database: Database, pages: Pages, file: ExportFile, on_progress: OnProgress) -> int:
    """Write everything up to where the log ends now; return that position. Raise ``ExportRefused``."""
    head = await pages.head()
    position = await _resumed(pages, file, head)
    while position < head:
        page = await pages.page(Wanted(), position, AT_ONCE)
        entries = [entry for entry in readable(page.entries) if entry.position <= head]
        upto = min(page.next, head)
        _check_whole(entries, position, upto)
        file.write([line_of(entry) for entry in entries])
        position = upto
        on_progress(position, head)
    file.complete(head, [IdBlock(*row) for row in await database.fetch(ID_BLOCKS)])
    return head


def _check_whole(entries: Sequence[Entry], after: int, upto: int) -> None:
    """Refuse to export what could not be imported."""
    found = {entry.position for entry in entries}
    missing = [position for position in range(after + 1, upto + 1) if position not in found]
    if missing:
        raise ExportRefused(f"the log has a gap: the event at position {missing[0]} is missing")


async def _resumed(pages: Pages, file: ExportFile, head: int) -> int:
    """Return the position up to which the file has the events of this very log."""
    line = file.last_event()
    if line is None:
        return 0
    refusal = ExportRefused(f"{file.part} is a part of another log, or of none: delete it to begin anew")
    try:
        position = read_event(line).position
    except msgspec.DecodeError as error:
        raise refusal from error
    if not 0 < position <= head:
        raise refusal
    entries = (await pages.page(Wanted(), position - 1, Bounds(facts=1))).entries
    if [line_of(entry) + b"\n" for entry in entries] != [line]:
        raise refusal
    return position
