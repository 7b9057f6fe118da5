"""Exporting the whole log to a file, which appears under its name when it is complete.

Until then it has ``.part`` behind its name. An export that was broken off goes on where that ends, unless it is one of
another log. The file holds everything: whoever can read it can read all tenants, so that only its owner may.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import msgspec

from infra.event_feed.entries import readable
from infra.event_feed.lines import IdBlock, is_last, last_line, line_of, read_event
from infra.event_feed.pages import Bounds, Pages, Wanted

#: Called with the position that has been reached and the one that has to be.
OnProgress = Callable[[int, int], None]

AT_ONCE = Bounds(facts=5_000, bytes=4_000_000)

#: Bytes that are looked at together for the beginning of the last line.
BLOCK = 65_536

ID_BLOCKS = "select kind, next, nullif(day, '-infinity') as day from log.id_blocks order by kind, day"


class ExportRefused(Exception):
    """The file that is there already is not to be touched."""


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...


class ExportFile:
    """A file on its way to completeness: ``with ExportFile(path) as file``. Raise ``ExportRefused`` where it exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self.path.exists():
            raise ExportRefused(f"{self.path} is there already")
        self._file = os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def last_event(self) -> bytes | None:
        """Return the line of the last whole event, None where there is none; cut off what is behind it."""
        file, end = self._opened, self._end_of_lines(self._opened.seek(0, os.SEEK_END))
        while end:
            begin = self._end_of_lines(end - 1)
            file.seek(begin)
            line = file.read(end - begin)
            if not is_last(line):
                break
            end = begin
        file.truncate(end)
        file.seek(end)
        return line if end else None

    def write(self, lines: Sequence[bytes]) -> None:
        self._opened.write(b"".join(line + b"\n" for line in lines))

    def complete(self) -> None:
        """Give the file its name, once every byte is on the disk."""
        self._opened.flush()
        os.fsync(self._opened.fileno())
        self.part.rename(self.path)

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
        file.write([line_of(entry) for entry in entries])
        position = entries[-1].position
        on_progress(position, head)
    blocks = [IdBlock(*row) for row in await database.fetch(ID_BLOCKS)]
    file.write([last_line(head, blocks)])
    file.complete()
    return head


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
    (entry,) = (await pages.page(Wanted(), position - 1, Bounds(facts=1))).entries
    if line_of(entry) + b"\n" != line:
        raise refusal
    return position
