"""Counts the incidents of each deployed version."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.incidents.events import IncidentOpened
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.deployments import Deployment, deployment
from projections.folding import Handlers, columns, folded
from projections.read_model import ReadModel
from projections.time_spans import counted, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Count(msgspec.Struct):
    """More incidents in a span, in the order of the table."""

    process_id: int
    span: int
    begins: int
    incidents: int
    moments: str | None


class Batch:
    """``opened`` has the times at which incidents of a process were created."""

    def __init__(self) -> None:
        self.deployments: list[Deployment] = []
        self.opened: dict[int, list[int]] = {}

    def counts(self) -> Iterator[Count]:
        for process_id, moments in self.opened.items():
            for count in counted(moments):
                yield Count(process_id, *count)


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.deployments.append(deployment(fact, event))


def _opened(batch: Batch, fact: Recorded, event: IncidentOpened) -> None:
    if event.process is not None:
        batch.opened.setdefault(event.process.process_id, []).append(milliseconds(fact.happened_at))


HANDLERS: Handlers[Batch] = {ProcessDeployed: _deployed, IncidentOpened: _opened}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.deployments:
        await db.execute(SQL["insert_processes"], *columns(batch.deployments))
    if batch.opened:
        await db.execute(SQL["count"], *columns(batch.counts()))


READ_MODEL = ReadModel(
    name="insight_totals",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("insight_totals", "insight_totals_processes"),
    project=project,
    facts=tuple(HANDLERS),
)
