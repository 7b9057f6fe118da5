"""Counts instances, incidents and error start events of each deployed version."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    EventTriggered,
    InstanceState,
    ProcessInstanceCanceled,
    ProcessInstanceDequeued,
    ProcessInstanceStarted,
    ProcessInstanceTerminated,
)
from domain.event import Recorded
from domain.identity import InstanceId, instance_of
from domain.incidents.events import IncidentOpened
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.deployments import ErrorStarts
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A new version, in the order of the table; its place in its stream is its place in the order of deployment."""

    tenant: str
    process_key: str
    version: str
    deployed: int
    process_id: int


class Count(msgspec.Struct):
    """What a version got more of."""

    process_id: int
    process_instances: int = 0
    incidents: int = 0
    error_start_events: int = 0


class Batch:
    """``queued`` are instances that wait for their turn; ``begun`` and ``ended`` may have waited before the batch."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.error_starts = ErrorStarts()
        self.queued: dict[InstanceId, int] = {}
        self.begun: list[InstanceId] = []
        self.ended: list[InstanceId] = []
        self.counts: dict[int, Count] = {}

    def count(self, process_id: int) -> Count:
        count = self.counts.get(process_id)
        if count is None:
            count = self.counts[process_id] = Count(process_id)
        return count


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.rows.append(Row(fact.tenant, event.bpmn_process_id, event.version, fact.version, event.process_id))
    batch.error_starts.deploy(event)


def _started(batch: Batch, fact: Recorded, event: ProcessInstanceStarted) -> None:
    if event.state is InstanceState.QUEUED:
        batch.queued[instance_of(fact.stream)] = event.process_id
    else:
        batch.count(event.process_id).process_instances += 1


def _dequeued(batch: Batch, fact: Recorded, _event: ProcessInstanceDequeued) -> None:
    instance = instance_of(fact.stream)
    process_id = batch.queued.pop(instance, None)
    if process_id is None:
        batch.begun.append(instance)
    else:
        batch.count(process_id).process_instances += 1


def _ended(batch: Batch, fact: Recorded, _event: ProcessInstanceTerminated | ProcessInstanceCanceled) -> None:
    instance = instance_of(fact.stream)
    if batch.queued.pop(instance, None) is None:
        batch.ended.append(instance)


def _opened(batch: Batch, _fact: Recorded, event: IncidentOpened) -> None:
    if event.process is not None:
        batch.count(event.process.process_id).incidents += 1


def _triggered(batch: Batch, fact: Recorded, event: EventTriggered) -> None:
    batch.error_starts.catch(fact, event)


HANDLERS: Handlers[Batch] = {
    ProcessDeployed: _deployed,
    ProcessInstanceStarted: _started,
    ProcessInstanceDequeued: _dequeued,
    ProcessInstanceTerminated: _ended,
    ProcessInstanceCanceled: _ended,
    IncidentOpened: _opened,
    EventTriggered: _triggered,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.rows:
        await db.execute(SQL["insert"], listed(batch.rows))
    await _write_queued(batch, db)
    for process_id, _ in await batch.error_starts.fired(db, SQL["insert_error_starts"], SQL["error_starts"]):
        batch.count(process_id).error_start_events += 1
    if batch.counts:
        await db.execute(SQL["count"], listed(batch.counts.values()))


async def _write_queued(batch: Batch, db: Database) -> None:
    """Keep who waits, and count those that waited and began."""
    if batch.begun:
        for row in await db.fetch(SQL["dequeue"], *zip(*batch.begun, strict=True)):
            batch.count(row["process_id"]).process_instances += 1
    if batch.ended:
        await db.execute(SQL["dequeue"], *zip(*batch.ended, strict=True))
    if batch.queued:
        await db.execute(SQL["queue"], *zip(*((*key, value) for key, value in batch.queued.items()), strict=True))


READ_MODEL = ReadModel(
    name="insight_versions",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("insight_versions", "insight_versions_queued", "insight_versions_error_starts"),
    project=project,
    facts=tuple(HANDLERS),
)
