"""Keeps a row for each check, and of which incidents are unresolved."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.event import Recorded
from domain.identity import check_of, incident_of
from domain.incidents.events import (
    IncidentClosed,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
)
from domain.incidents.status import UNRESOLVED
from domain.monitoring.events import (
    CheckChanged,
    CheckCreated,
    CheckDeleted,
    CheckPaused,
    CheckResultsReported,
    CheckResumed,
)
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    check_id: str
    tenant: str
    settings: Any
    paused: bool
    created_at: datetime
    updated_at: datetime
    position: int
    checked_at: datetime | None = None


class Change(msgspec.Struct):
    """What becomes of a check; what is none stays as it is."""

    check_id: str
    settings: dict[str, Any] = {}
    paused: bool | None = None
    updated_at: datetime | None = None
    position: int | None = None
    checked_at: datetime | None = None


class Deleted(msgspec.Struct):
    """A check that the batch deletes, in the order of the table."""

    position: int
    check_id: str


class IncidentRow(msgspec.Struct):
    """An incident that the batch opens, in the order of the table."""

    incident: str
    check_id: str
    kind: str
    unresolved: bool = True


class IncidentChange(msgspec.Struct):
    """How an incident stands after the batch."""

    incident: str
    unresolved: bool


class Batch:
    """What a batch makes, what it changes after that, and what it takes away at the end."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.changes: dict[str, Change] = {}
        self.deleted: list[Deleted] = []
        self.incidents: dict[str, IncidentRow] = {}
        self.incident_changes: dict[str, IncidentChange] = {}

    def change(self, fact: Recorded) -> Change:
        """Return what stands for the change of a check."""
        check_id = check_of(fact.stream)
        return self.changes.setdefault(check_id, Change(check_id))

    async def write(self, db: Database) -> None:
        written: tuple[tuple[str, dict[str, Any]], ...] = (
            ("insert", self.rows),
            ("update", self.changes),
            ("insert_incidents", self.incidents),
            ("update_incidents", self.incident_changes),
        )
        for statement, rows in written:
            if rows:
                await db.execute(SQL[statement], listed(rows.values()))
        if self.deleted:
            gone = [deleted.check_id for deleted in self.deleted]
            await db.execute(SQL["delete"], gone)
            await db.execute(SQL["delete_incidents"], gone)
            await db.execute(SQL["insert_deleted"], listed(self.deleted))


def _created(batch: Batch, fact: Recorded, event: CheckCreated) -> None:
    check_id, at = check_of(fact.stream), fact.happened_at
    batch.rows[check_id] = Row(
        check_id, fact.tenant, event.settings, paused=False, created_at=at, updated_at=at, position=fact.position
    )


def _changed(batch: Batch, fact: Recorded, event: CheckChanged) -> None:
    change = batch.change(fact)
    change.settings = {**change.settings, **event.changes}
    change.updated_at, change.position = fact.happened_at, fact.position


def _paused(batch: Batch, fact: Recorded, event: CheckPaused | CheckResumed) -> None:
    change = batch.change(fact)
    change.paused = isinstance(event, CheckPaused)
    change.updated_at, change.position = fact.happened_at, fact.position


def _reported(batch: Batch, fact: Recorded, event: CheckResultsReported) -> None:
    change = batch.change(fact)
    newest = max(result.observed_at for result in event.results)
    change.checked_at = max(change.checked_at or newest, newest)


def _deleted(batch: Batch, fact: Recorded, _event: CheckDeleted) -> None:
    batch.deleted.append(Deleted(fact.position, check_of(fact.stream)))


def _incident_opened(batch: Batch, fact: Recorded, event: IncidentOpened) -> None:
    cause = event.monitor
    if cause is not None:
        incident = incident_of(fact.stream)
        batch.incidents[incident] = IncidentRow(incident, cause.check_id, cause.kind)


def _incident_resolved(batch: Batch, fact: Recorded, event: IncidentResolved) -> None:
    if event.how != "retry":  # the way of processes, whose incidents are the most: nothing to look for here
        _ended(batch, fact)


def _incident_closed(batch: Batch, fact: Recorded, event: IncidentClosed) -> None:
    if event.before in UNRESOLVED:
        _ended(batch, fact)


def _ended(batch: Batch, fact: Recorded) -> None:
    incident = incident_of(fact.stream)
    batch.incident_changes[incident] = IncidentChange(incident, unresolved=False)


def _incident_reopened(batch: Batch, fact: Recorded, _event: IncidentReopened) -> None:
    incident = incident_of(fact.stream)
    batch.incident_changes[incident] = IncidentChange(incident, unresolved=True)


#: An incident of a check is canceled as the check is deleted, which takes its row away in any case.
HANDLERS: Handlers[Batch] = {
    CheckCreated: _created,
    CheckChanged: _changed,
    CheckPaused: _paused,
    CheckResumed: _paused,
    CheckDeleted: _deleted,
    CheckResultsReported: _reported,
    IncidentOpened: _incident_opened,
    IncidentResolved: _incident_resolved,
    IncidentClosed: _incident_closed,
    IncidentReopened: _incident_reopened,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db)


READ_MODEL = ReadModel(
    name="checks",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("checks", "checks_deleted", "checks_incidents"),
    project=project,
    facts=tuple(HANDLERS),
)
