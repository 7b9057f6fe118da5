"""Decision tables told from the log alone, beside the live ones, to compare the two.

The tables that a rebuild fills are temporary ones of the same names. They stand before the live tables on the search
path of their session, so the very functions that the append calls fill them.
"""

from collections.abc import Sequence
from typing import Any

from commands.decision_tables import Changes
from infra.codec import decode
from infra.event_log.request import TABLES, add_changes

FUNCTIONS = tuple(f"select log.change_{table}($1)" for table in TABLES)

#: Events, and bytes of them, that are read together.
CHUNK = 10_000
CHUNK_BYTES = 8_000_000

WITHHELD = frozenset({"key_hash"})

HEAD = "select position from log.head"

#: The events after $1 up to $2: at most $3 of them, and no more once they have $4 bytes.
EVENTS = """
select notification_id, originator_id, topic, state, tenant, actor_id, happened_at
  from (select *, sum(octet_length(state)) over (order by notification_id) - octet_length(state) as bytes_before
          from log.events
         where notification_id > $1 and notification_id <= $2
         order by notification_id
         limit $3) as part
 where bytes_before < $4
 order by notification_id
"""


async def rebuild_decision_tables(connection: Any) -> int:
    """Fill temporary tables of this session from the whole log; return the position they stand at.

    The connection has ``pg_temp`` before ``log`` in its search path from then on.
    """
    await make_tables(connection)
    head: int = await connection.fetchval(HEAD)
    position = 0
    while position < head:
        position = await fill_tables(connection, position, head)
    return head


async def make_tables(connection: Any) -> None:
    """Put empty temporary tables before the live ones on the search path of this session."""
    await connection.execute("set search_path = pg_temp, log")
    for table in TABLES:
        await connection.execute(f"create temp table {table} (like log.{table} including all)")


async def fill_tables(connection: Any, after: int, upto: int) -> int:
    """Go on with the temporary tables from one position towards another; return the one they stand at then."""
    rows = await connection.fetch(EVENTS, after, upto, CHUNK, CHUNK_BYTES)
    if not rows:
        return upto
    await apply_changes(connection, rows)
    position: int = rows[-1]["notification_id"]
    return position


async def apply_changes(connection: Any, rows: Sequence[Any]) -> None:
    """Change the tables that are first on the search path by some facts in a row, which are told as in ``EVENTS``."""
    changes = Changes(rows[0][-1])
    for _, stream, topic, state, tenant, actor, changes.at in rows:
        changes.add(stream, decode(topic, state), tenant, actor)
    columns: tuple[list[Any], ...] = tuple([] for _ in TABLES)
    add_changes(columns, 1, changes)
    for function, column in zip(FUNCTIONS, columns, strict=True):
        if column:
            await connection.execute(function, column)


async def differences(connection: Any) -> list[str]:
    """Return the rows that only the live or only the rebuilt tables have; call it where nothing is appended."""
    await rebuild_decision_tables(connection)
    return await compared_tables(connection)


async def compared_tables(connection: Any) -> list[str]:
    """Return the rows that only the live or only the temporary tables have."""
    found: list[str] = []
    for table in TABLES:
        for here, there in (("log", "pg_temp"), ("pg_temp", "log")):
            rows = await connection.fetch(f"table {here}.{table} except table {there}.{table}")
            found += [f"only in {here}.{table}: {_told(row)}" for row in rows]
    return found


def _told(row: Any) -> dict[str, Any]:
    """Tell a row, but for what stands for a secret."""
    return {name: value for name, value in row.items() if name not in WITHHELD}
