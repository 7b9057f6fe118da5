"""Counts the incidents of each deployed version by their type, and its error start events that fired."""

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


#: Beside the types of incidents.
ERROR_START_EVENT = "errorStartEvent"


class Count(msgspec.Struct):
    """More incidents in a span, in the order of the table."""

    process_id: int
    incident_type: str
    span: int
    begins: int
    incidents: int
    moments: str | None


class Batch:
    """``moments`` has the times at which incidents of a process and type were created."""

    def __init__(self) -> None:
        self.deployments: list[Deployment] = []
        self.error_starts = ErrorStarts()
        self.moments: dict[tuple[int, str], list[int]] = {}

    def add(self, process_id: int, incident_type: str, moment: int) -> None:
        self.moments.setdefault((process_id, incident_type), []).append(moment)

    def counts(self) -> Iterator[Count]:
        for (process_id, incident_type), moments in self.moments.items():
            for count in counted(moments):
                yield Count(process_id, incident_type, *count)


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.deployments.append(deployment(fact, event))
    batch.error_starts.deploy(event)


def _opened(batch: Batch, fact: Recorded, event: IncidentOpened) -> None:
    cause = event.process
    if cause is not None:
        batch.add(cause.process_id, cause.incident_type, milliseconds(fact.happened_at))


def _triggered(batch: Batch, fact: Recorded, event: EventTriggered) -> None:
    batch.error_starts.catch(fact, event)


HANDLERS: Handlers[Batch] = {ProcessDeployed: _deployed, IncidentOpened: _opened, EventTriggered: _triggered}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.deployments:
        await db.execute(SQL["insert_processes"], listed(batch.deployments))
    for process_id, moment in await batch.error_starts.fired(db, SQL["insert_error_starts"], SQL["error_starts"]):
        batch.add(process_id, ERROR_START_EVENT, moment)
    if batch.moments:
        await db.execute(SQL["count"], listed(batch.counts()))


READ_MODEL = ReadModel(
    name="insight_incidents_graph",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=(
        "insight_incidents_graph",
        "insight_incidents_graph_processes",
        "insight_incidents_graph_error_starts",
    ),
    project=project,
    facts=tuple(HANDLERS),
)
