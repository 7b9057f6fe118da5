"""Counts instances and incidents of each deployed version."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.bpmn.events import ProcessInstanceStarted
from domain.event import Recorded
from domain.incidents.events import IncidentOpened
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.folding import Handlers, columns, folded
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


class Batch:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.counts: dict[int, Count] = {}

    def count(self, process_id: int) -> Count:
        count = self.counts.get(process_id)
        if count is None:
            count = self.counts[process_id] = Count(process_id)
        return count


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.rows.append(Row(fact.tenant, event.bpmn_process_id, event.version, fact.version, event.process_id))


def _started(batch: Batch, _fact: Recorded, event: ProcessInstanceStarted) -> None:
    batch.count(event.process_id).process_instances += 1


def _opened(batch: Batch, _fact: Recorded, event: IncidentOpened) -> None:
    if event.process is not None:
        batch.count(event.process.process_id).incidents += 1


HANDLERS: Handlers[Batch] = {
    ProcessDeployed: _deployed,
    ProcessInstanceStarted: _started,
    IncidentOpened: _opened,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.rows:
        await db.execute(SQL["insert"], *columns(batch.rows))
    if batch.counts:
        await db.execute(SQL["count"], *columns(batch.counts.values()))


READ_MODEL = ReadModel(
    name="insight_versions",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("insight_versions",),
    project=project,
    facts=tuple(HANDLERS),
)
