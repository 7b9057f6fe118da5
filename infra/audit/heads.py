"""Heads: the hash of all history up to a position.

Kept where nobody who can write the database can write, it shows later whether any event up to there was changed,
however well the database was made to agree with itself.
"""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from infra.audit.queries import SQL
from projections.database import Database

_TEXT = re.compile(r"(\d{1,19}):([0-9a-f]{64})", re.ASCII)


class NotAHead(ValueError):
    """A text that should be a head, ``<position>:<64 hexadecimal digits>``, is none."""


class Head(NamedTuple):
    """The hash of everything up to a position. As a text ``1042:3f…``."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"


class ChainedHead(NamedTuple):
    """The last head of the chain, and when it was chained, by the database's clock; ``log_head`` is the log's end."""

    head: Head
    chained_at: datetime
    log_head: int


def head_in(text: str) -> Head:
    """Return the head that a text tells; raise ``NotAHead``."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise NotAHead(f"{text.strip()[:100]!r} is no head: one is <position>:<64 hexadecimal digits>")
    return Head(int(found[1]), bytes.fromhex(found[2]))


async def chained_head(database: Database) -> ChainedHead | None:
    """Return the last head of the chain, None before it has begun."""
    row = await database.fetchrow(SQL["chained_head"])
    return None if row is None else ChainedHead(Head(row["upto"], row["hash"]), row["chained_at"], row["position"])


def kept_heads(path: Path) -> Sequence[Head]:
    """Return the heads that a file keeps, none where it is not there yet; raise ``NotAHead``."""
    if not path.exists():
        return ()
    return [head_in(line) for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def keep(path: Path, heads: Iterable[Head]) -> None:
    """Add heads to a file; they are on the disk when this returns."""
    with path.open("a+b") as file:
        if file.tell() and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
            file.write(b"\n")  # somebody has written the last one by hand
        file.writelines(f"{head}\n".encode() for head in heads)
        file.flush()
        os.fsync(file.fileno())
