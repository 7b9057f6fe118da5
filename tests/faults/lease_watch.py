"""Who writes what only the holder of a lease may write, told by the database itself (reliability I23).

Nodes say in the names of their sessions which process they are. A trigger on each table that is written under a lease
compares that with the lease as it is in the very transaction that writes: a fenced one holds the lease's row, so that
it cannot differ; whoever writes without looking is found as soon as another has taken over.
"""

import sys
from typing import Any, NamedTuple

import asyncpg

#: Seconds until a lease is lost here, instead of ten: nobody has to wait long for a paused holder.
TTL = 3

#: The tables that are written under a lease only, and the lease.
WRITTEN = {
    "log.followers": "followers",
    "log.chain": "chain",
    "delivery.deliveries": "delivery",
}

#: A node that says who it is, and stops where it matters when it is asked to by a file: with facts in hand, before or
#: inside the transaction that applies them, or with a decision of any role in hand, before it is appended. And it is
#: slow to hear that its lease is lost: what it does until then only the fence prevents. With UNFENCED in its
#: environment it neither looks at its lease nor at where the read models stand when it writes: the control.
SERVE = (
    sys.executable,
    "-c",
    f"""
import asyncio, os, signal, sys
from pathlib import Path
from api.cli import main
from infra import leases, postgres
from infra.event_log import writer
from infra.following import applying, batches, turn

def stopping(step, point):
    async def stopped(*arguments):
        asked = Path(os.environ["ANNALS_DATA_DIR"] + "." + point)
        if asked.exists():
            asked.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        return await step(*arguments)
    return stopped

def named(link, options=postgres.Link.options):
    told = options(link)
    told["server_settings"]["application_name"] += f" #{{os.getpid()}}"
    return told

async def heard_late(*arguments, renew=leases.renew):
    kept = await renew(*arguments)
    await asyncio.sleep(0 if kept else 1)
    return kept

leases.renew = heard_late
postgres.Link.options = named
turn.Turn._apply = stopping(turn.Turn._apply, "facts")
applying.project = stopping(applying.project, "facts")
writer.Writer.append = stopping(writer.Writer.append, "decision")
leases.Lease.__init__.__kwdefaults__["ttl"] = {TTL}
postgres.IDLE_IN_TRANSACTION = "{TTL}s"
if "UNFENCED" in os.environ:
    batches.SQL["advance"] = '''
with lease as (select true where $1::text <> '' and $2::bigint > 0)
update log.followers as follower
   set position = $6, failed_at = null, error = null, failed_since = null
  from lease, unnest($3::text[], $4::integer[]) as moved (name, version)
 where follower.name = moved.name and follower.version = moved.version and $5::bigint >= 0
returning follower.name'''
sys.argv[1:] = ["serve"]
main()
""",
)

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


LEASES = ("followers", "executor", "rules", "acknowledgements", "chain", "delivery")
