"""Asking the planner what each statement looks at."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tests.integration.projection_tables import Connection

#: Pages of 8 kB that one statement may look at. The tables have some 400 and more, a look-up in an index takes 4.
FEW_PAGES = 250


class Explaining:
    """A connection that counts the pages that each statement looks at."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.pages: list[int] = []

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Mapping[str, Any]]:
        (line,) = await self._connection.fetch(f"explain (analyze, buffers, format json) {query}", *args)
        plan = msgspec.json.decode(line[0])[0]["Plan"]
        self.pages.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        rows: Sequence[Any] = await self._connection.fetch(query, *args)
        return rows

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        rows = await self.fetch(query, *args)
        return next(iter(rows[0].values())) if rows else None

    async def fetchrow(self, query: str, /, *args: Any) -> Mapping[str, Any] | None:
        return next(iter(await self.fetch(query, *args)), None)

    async def execute(self, query: str, /, *args: Any) -> str:
        return await self._connection.execute(query, *args)

    @property
    def looked_at_few_pages(self) -> bool:
        return bool(self.pages) and max(self.pages) <= FEW_PAGES
