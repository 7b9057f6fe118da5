"""Keeps a row for each incident of a process that stands at an activity."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.identity import incident_of
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.deployments import Deployment, deployment
from projections.folding import Batch, Handlers, folded, listed
from projections.read_model import ReadModel
from projections.time_spans import counted, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    incident: str
    process_id: int
    created_at: int
    ended_at: int | None
    activity_id: str
    activity: str
    process_instance: str


class Change(msgspec.Struct):
    """The end of an incident that was there before the batch."""

    incident: str
    ended_at: int


class Count(msgspec.Struct):
    """More incidents in a span, in the order of the table."""

    process_id: int
    span: int
    begins: int
    incidents: int
    moments: str | None


class IncidentBatch(Batch):
    """``opened`` has the times at which incidents of a process were created."""

    def __init__(self) -> None:
        super().__init__()
        self.deployments: list[Deployment] = []
        self.opened: dict[int, list[int]] = {}

    def counts(self) -> Iterator[Count]:
        for process_id, moments in self.opened.items():
            for count in counted(moments):
                yield Count(process_id, *count)


def _deployed(batch: IncidentBatch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.deployments.append(deployment(fact, event))


def _opened(batch: IncidentBatch, fact: Recorded, event: IncidentOpened) -> None:
    cause = event.process
    if cause is None or not cause.element:
        return
    incident, created_at = incident_of(fact.stream), milliseconds(fact.happened_at)
    batch.opened.setdefault(cause.process_id, []).append(created_at)
    batch.rows[incident] = Row(
        incident=incident,
        process_id=cause.process_id,
        created_at=created_at,
        ended_at=None,
        activity_id=cause.element,
        activity=cause.activity,
        process_instance=f"{cause.partition}/{cause.process_instance_id}",
    )


def _ended(batch: IncidentBatch, fact: Recorded, _event: IncidentResolved | IncidentCanceled) -> None:
    incident, ended_at = incident_of(fact.stream), milliseconds(fact.happened_at)
    row: Row | None = batch.rows.get(incident)
    if row is None:
        batch.changes[incident] = Change(incident, ended_at)
    else:
        row.ended_at = ended_at


HANDLERS: Handlers[IncidentBatch] = {
    ProcessDeployed: _deployed,
    IncidentOpened: _opened,
    IncidentResolved: _ended,
    IncidentCanceled: _ended,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, IncidentBatch(), HANDLERS)
    if batch.deployments:
        await db.execute(SQL["insert_processes"], listed(batch.deployments))
    await batch.write(db, SQL["insert"], SQL["update"])
    if batch.opened:
        await db.execute(SQL["count"], listed(batch.counts()))


READ_MODEL = ReadModel(
    name="insight_incidents_table",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("insight_incidents_table", "insight_incidents_table_counts", "insight_incidents_table_processes"),
    project=project,
    facts=tuple(HANDLERS),
)
