"""Whether the log is still the one that this process knows (reliability.md 4.9).

A database that fails over to a replica which lacks the last commits, or that is restored from a backup, has lost facts
and puts others in their places. Whoever knew the lost ones would decide on them: states, ids and the tail in memory are
of a history that is gone. So a process remembers a landmark, the latest fact that it knows of, and looks on each new
connection that it appends on, and twice a second besides, whether the log has that fact in its place and is served by
the same server, on the same timeline. When not, it appends nothing more and ends: one that starts anew knows nothing.

What begins after such a turn is a new *era* of the log (``log.eras``). The first to see it writes it down before it
appends anything, so that everyone else can tell which positions were given twice. A process that knew nothing of what
is lost ends then as well: it would call what comes by the name of the era before.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

#: Who serves the log: a cluster, a database in it, and a timeline, which is another one after each promotion and each
#: recovery to a point in time. A replica has no timeline of its own to write on, and raises an error.
SERVER = """
select system_identifier || ':' || (select oid from pg_database where datname = current_database())
       || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  from pg_control_system()
"""

#: Who serves the log in which era, and which command has left the facts at a position ($1) and at the head.
SEEN = f"""
select ({SERVER}) as server, head.position as head, latest.number, latest.id as era,
       (select correlation_id from log.events where notification_id = $1) as at_landmark,
       (select correlation_id from log.events where notification_id = head.position) as at_head
  from log.head as head
  left join (select number, id from log.eras order by number desc limit 1) as latest on true
"""  # noqa: S608  (our own text)

LATEST = "select number, id, began_after, server from log.eras order by number desc limit 1"

#: The head stays locked until the era is there: nobody appends between the two. Leases are nobody's from then on: those
#: who took one before may know what is lost. Epochs may have gone back, too; none that is given now was given before.
BEGIN = """
with head as (select position from log.head for update),
begun as (
    insert into log.eras (number, id, began_after, server)
    select $1, $2, position, $3 from head
    on conflict (number) do nothing
    returning number),
ended as (
    update log.leases set epoch = epoch + 1000000, expires_at = '-infinity'
     where exists (select from begun where number > 1))
select number from begun
"""

logger = structlog.get_logger(__name__)


class Database(Protocol):
    """A pool or connection to the database of the log."""

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...

    async def fetchval(self, query: str, /, *args: Any) -> Any: ...


class LogRewound(Exception):
    """The log has lost facts that this process knows, or may have: another server or timeline serves it now."""


class Continuity:
    """The landmark of a process, and the ``era`` in which it knows the log (empty before ``begin``)."""

    def __init__(self) -> None:
        self.era = ""
        self._number = 0
        self._server = ""
        self._position = 0
        self._command = ""
        self._broken = ""

    def note(self, position: int, command: str) -> None:
        """Take note of a fact that is in the log: where, and of which command."""
        if position > self._position:
            self._position, self._command = position, command

    async def begin(self, database: Database) -> None:
        """Learn in which era the log is; begin one where another server or timeline serves it than did in the last."""
        self._server = await database.fetchval(SERVER)
        latest = await database.fetchrow(LATEST)
        if latest is None or latest["server"] != self._server:
            await _begin_era(database, 1 if latest is None else latest["number"] + 1, self._server)
            latest = await database.fetchrow(LATEST)
        self._number, self.era = latest["number"], latest["id"]

    async def check(self, database: Database) -> None:
        """Raise ``LogRewound`` unless the log is what this process knows, and ever again after that."""
        if self._broken:
            raise LogRewound(self._broken)
        position, command = self._position, self._command
        seen = await database.fetchrow(SEEN, position)
        if position and seen["at_landmark"] != command:
            self._broken = f"the log has lost facts: it ends at {seen['head']}, without what was at {position}"
        else:
            self._broken = self._turned(seen)
        if self._broken:
            logger.critical("this node knows another log", reason=self._broken)
            if (seen["number"] or 0) <= self._number:  # else somebody was faster
                await _begin_era(database, self._number + 1, seen["server"])
            raise LogRewound(self._broken)
        self._take_over(seen)

    def _turned(self, seen: Mapping[str, Any]) -> str:
        """Say what else shows that this process may know what the log has lost, nothing where nothing does."""
        if self._server and seen["server"] != self._server:
            return f"another server or timeline serves the log: {seen['server']}, not {self._server}"
        if self.era and seen["era"] != self.era:
            return f"an era of the log has begun, or is gone: it is {seen['era']}, not {self.era}"
        return ""

    def _take_over(self, seen: Mapping[str, Any]) -> None:
        self._server = seen["server"]
        if seen["at_head"] is not None:
            self.note(seen["head"], seen["at_head"])


async def _begin_era(database: Database, number: int, server: str) -> None:
    begun = await database.fetchval(BEGIN, number, secrets.token_hex(8), server)
    if begun is not None and number > 1:  # else another node was faster, or it is the first start of all
        logger.warning("an era of the log begins", number=number, server=server)
