"""What read models need of a database; an asyncpg connection satisfies it without an adapter.

Read models write and read plain table names; the connection's search path decides whether these are the live tables
or the ones that a rebuild fills beside them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Database(Protocol):
    """A connection or a pool. A row is read by column name or number; drivers have types of their own for it."""

    async def execute(self, query: str, /, *args: Any) -> str: ...

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def named_queries(path: Path) -> Mapping[str, str]:
    """Read ``queries.sql``: each statement under a line ``-- name: <name>``."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
