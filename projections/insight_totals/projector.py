"""Counts the incidents of each deployed version, and its exceptions: error start events that fired."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from domain.bpmn.events import EventTriggered
from domain.event import Recorded
from domain.incidents.events import IncidentOpened
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.deployments import Deployment, ErrorStarts, deployment
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel
from projections.time_spans import counted, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


INCIDENT, EXCEPTION = "incident", "exception"


class Count(msgspec.Struct):
    """More of a kind in a span, in the order of the table."""

    process_id: int
    kind: str
    span: int
    begins: int
    times: int
    moments: str | None


class Batch:
    """``moments`` has the times at which things of a kind happened in a process."""

    def __init__(self) -> None:
        self.deployments: list[Deployment] = []
        self.error_starts = ErrorStarts()
        self.moments: dict[tuple[int, str], list[int]] = {}

    def add(self, process_id: int, kind: str, moment: int) -> None:
        self.moments.setdefault((process_id, kind), []).append(moment)

    def counts(self) -> Iterator[Count]:
        for (process_id, kind), moments in self.moments.items():
            for count in counted(moments):
                yield Count(process_id, kind, *count)


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.deployments.append(deployment(fact, event))
    batch.error_starts.deploy(event)


def _opened(batch: Batch, fact: Recorded, event: IncidentOpened) -> None:
    if event.process is not None:
        batch.add(event.process.process_id, INCIDENT, milliseconds(fact.happened_at))


def _triggered(batch: Batch, fact: Recorded, event: EventTriggered) -> None:
    batch.error_starts.catch(fact, event)


HANDLERS: Handlers[Batch] = {ProcessDeployed: _deployed, IncidentOpened: _opened, EventTriggered: _triggered}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.deployments:
        await db.execute(SQL["insert_processes"], listed(batch.deployments))
    for process_id, moment in await batch.error_starts.fired(db, SQL["insert_error_starts"], SQL["error_starts"]):
        batch.add(process_id, EXCEPTION, moment)
    if batch.moments:
        await db.execute(SQL["count"], listed(batch.counts()))


READ_MODEL = ReadModel(
    name="insight_totals",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("insight_totals", "insight_totals_processes", "insight_totals_error_starts"),
    project=project,
    facts=tuple(HANDLERS),
)
