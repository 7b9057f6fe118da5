"""Who writes what only the holder of a lease may write, told by the database itself (reliability I23).

Nodes say in the names of their sessions which process they are (tests/faults/waylaid.py). A trigger on each table that
is written under a lease compares that with the lease as it is in the very transaction that writes: a fenced one holds
the lease's row, so that it cannot differ; whoever writes without looking is found as soon as another has taken over.
"""

from typing import Any, NamedTuple

import asyncpg

#: The tables that are written under a lease only, and the lease.
WRITTEN = {
    "log.followers": "followers",
    "log.chain": "chain",
    "delivery.deliveries": "delivery",
}

LEASES = ("followers", "executor", "rules", "acknowledgements", "chain", "delivery")

WATCH = """
create schema watch;
create sequence watch.writes;
create table watch.intruders (
    lease text, who text, holder text, epoch bigint, at timestamptz default clock_timestamp()
);
create function watch.compare() returns trigger language plpgsql as $$
declare
    lease log.leases;
begin
    select * into lease from log.leases where name = tg_argv[0];
    perform nextval('watch.writes');
    if split_part(current_setting('application_name'), '#', 2) <> split_part(lease.holder, ':', 2) then
        insert into watch.intruders (lease, who, holder, epoch)
        values (tg_argv[0], current_setting('application_name'), lease.holder, lease.epoch);
    end if;
    return null;
end $$;
"""

TRIGGER = """
create trigger watch after insert or update or delete on {table}
for each statement execute function watch.compare('{lease}')
"""


class Seen(NamedTuple):
    """How often was written under leases, how often these changed hands, and who wrote without."""

    writes: int
    changes: int
    intruders: list[dict[str, Any]]


async def watch_leases(dsn: str) -> None:
    """Watch from now on; the tables are there once a node has started."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(WATCH)
        for table, lease in WRITTEN.items():
            await connection.execute(TRIGGER.format(table=table, lease=lease))
    finally:
        await connection.close()


async def seen(dsn: str) -> Seen:
    """Return what has been seen."""
    connection = await asyncpg.connect(dsn)
    try:
        writes = await connection.fetchval("select last_value from watch.writes")
        changes = await connection.fetchval("select sum(epoch - 1) from log.leases where name = any ($1)", [*LEASES])
        intruders = await connection.fetch("select lease, who, holder, epoch from watch.intruders order by at")
    finally:
        await connection.close()
    return Seen(writes, int(changes or 0), [dict(row) for row in intruders])
