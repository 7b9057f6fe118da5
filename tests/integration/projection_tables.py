"""Filling the tables of read models in a database of a test, without followers."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from domain.event import Recorded
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def empty_tables(dsn: str, models: Sequence[ReadModel] = READ_MODELS) -> AsyncIterator[Connection]:
    """Make the tables of read models in a schema of their own and yield a connection that finds them there."""
    connection: Connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("drop schema if exists filled cascade; create schema filled; set search_path = filled")
        for model in models:
            await connection.execute(model.schema)
        yield connection
    finally:
        await connection.close()


def batches(facts: Sequence[Recorded], largest: int, seed: int = 0) -> list[Sequence[Recorded]]:
    """Part facts into batches of random sizes."""
    chance = random.Random(seed)
    parts = []
    begin = 0
    while begin < len(facts):
        size = chance.randint(1, largest)
        parts.append(facts[begin : begin + size])
        begin += size
    return parts


async def fill(
    connection: Connection, parts: Sequence[Sequence[Recorded]], models: Sequence[ReadModel] = READ_MODELS
) -> None:
    """Give each read model the facts that it looks at, batch by batch."""
    for part in parts:
        for model in models:
            facts = [fact for fact in part if isinstance(fact.event, model.facts)]
            if facts:
                await model.project(facts, connection)


async def contents(connection: Connection, model: ReadModel) -> dict[str, list[str]]:
    """Return every row of a read model as text, sorted."""
    return {
        table: sorted(row["row"] for row in await connection.fetch(f"select {table}::text as row from {table}"))
        for table in model.tables
    }


class Untouched:
    """A database that nobody is to ask anything."""

    async def execute(self, query: str, /, *_args: Any) -> str:
        raise AssertionError(query)

    fetch = fetchval = fetchrow = execute
