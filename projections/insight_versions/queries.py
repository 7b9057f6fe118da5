"""What analysts ask about the versions of a process."""

import re
from pathlib import Path

from projections.database import Database, named_queries
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")


class VersionRow(View, frozen=True, kw_only=True):
    """Figures of a version over all time: instances that started, incidents, and error start events that fired.

    ``version`` is a number where it is plain digits that a number would give back as they are, at most nine.
    """

    version: int | str
    process_instance_count: int
    incident_count: int
    error_start_event_count: int


async def version_graph(db: Database, tenant: str, process_key: str) -> list[VersionRow]:
    """Return the versions of a process: by number where all have one, else in the order of deployment."""
    rows = [
        VersionRow(
            version=_number_or_text(row["version"]),
            process_instance_count=row["process_instances"],
            incident_count=row["incidents"],
            error_start_event_count=row["error_start_events"],
        )
        for row in await db.fetch(SQL["versions"], tenant, process_key)
    ]
    numbered = [(row.version, row) for row in rows if isinstance(row.version, int)]
    return [row for _, row in sorted(numbered, key=lambda pair: pair[0])] if len(numbered) == len(rows) else rows


def _number_or_text(version: str) -> int | str:
    return int(version) if _NUMBER.fullmatch(version) else version
