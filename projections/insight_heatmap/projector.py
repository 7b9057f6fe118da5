"""Counts starts and incidents of each activity of each deployed version."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from domain.bpmn.events import (
    ElementEntered,
    ElementPassed,
    ElementStarted,
    ElementTerminated,
    EventTriggered,
    InstanceState,
)
from domain.event import Recorded
from domain.identity import incident_of, instance_of
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.deployments import Deployment, deployment
from projections.folding import Batch, Handlers, folded, listed
from projections.read_model import ReadModel
from projections.time_spans import SPANS, counted, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")

ACTIVE, COMPLETED, CANCELED = "active", "completed", "canceled"


class Incident(msgspec.Struct):
    """An incident that the batch opened, in the order of its table."""

    incident: str
    process_id: int
    element: str
    created_at: int
    state: str = ACTIVE


class Change(msgspec.Struct):
    """What became of an incident that was there before the batch."""

    incident: str
    state: str


class Counts(msgspec.Struct):
    """More, or fewer, in a span, in the order of the table."""

    process_id: int
    element: str
    span: int
    begins: int
    instances: int = 0
    active: int = 0
    completed: int = 0
    canceled: int = 0
    moments: str | None = None


class Tally:
    """What is to be added to the counts of spans."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, str, int, int], Counts] = {}

    def add_starts(self, process_id: int, element: str, moments: Iterable[int]) -> None:
        for span, begins, times, within in counted(moments):
            counts = self._at(process_id, element, span, begins)
            counts.instances, counts.moments = times, within

    def add_incident(self, incident: Incident, state: str, more: int = 1) -> None:
        """Count an incident, or with -1 no longer count it, as being in a state."""
        for span in SPANS:
            begins = incident.created_at // span * span
            counts = self._at(incident.process_id, incident.element, span, begins)
            setattr(counts, state, getattr(counts, state) + more)

    def _at(self, *key: Any) -> Counts:
        counts = self.counts.get(key)
        if counts is None:
            counts = self.counts[key] = Counts(*key)
        return counts


#: An element of a process.
Place = tuple[int, str]

#: An element instance: its partition and number.
Key = tuple[date, int]


class HeatmapBatch(Batch):
    """``starts`` has the times at which instances of an element of a process began; ``waiting`` those that have not."""

    def __init__(self) -> None:
        super().__init__()
        self.deployments: list[Deployment] = []
        self.starts: dict[Place, list[int]] = {}
        self.waiting: dict[Key, Place] = {}

    def start(self, place: Place, moment: int) -> None:
        self.starts.setdefault(place, []).append(moment)


def _deployed(batch: HeatmapBatch, fact: Recorded, event: ProcessDeployed) -> None:
    batch.deployments.append(deployment(fact, event))


def _entered(batch: HeatmapBatch, fact: Recorded, event: ElementEntered) -> None:
    if not event.parent_id:
        return  # the process itself
    if event.state is InstanceState.STARTED:
        batch.start((event.process_id, event.element), milliseconds(fact.happened_at))
    else:
        batch.waiting[_key(fact, event.id)] = (event.process_id, event.element)


def _passed(batch: HeatmapBatch, fact: Recorded, event: ElementPassed) -> None:
    batch.start((event.process_id, event.element), milliseconds(fact.happened_at))


def _began(batch: HeatmapBatch, fact: Recorded, event: ElementStarted | EventTriggered) -> None:
    """Count what waited until now. An armed event begins when it is triggered; any other has begun before that."""
    place = batch.waiting.pop(_key(fact, event.id), None)
    if place is not None:
        batch.start(place, milliseconds(fact.happened_at))


def _terminated(batch: HeatmapBatch, fact: Recorded, event: ElementTerminated) -> None:
    batch.waiting.pop(_key(fact, event.id), None)


def _key(fact: Recorded, element_instance_id: int) -> Key:
    return instance_of(fact.stream).partition, element_instance_id


def _opened(batch: HeatmapBatch, fact: Recorded, event: IncidentOpened) -> None:
    cause = event.process
    if cause is None or not cause.element:
        return
    incident = incident_of(fact.stream)
    batch.rows[incident] = Incident(incident, cause.process_id, cause.element, milliseconds(fact.happened_at))


def _resolved(batch: HeatmapBatch, fact: Recorded, _event: IncidentResolved) -> None:
    _end(batch, fact, COMPLETED)


def _canceled(batch: HeatmapBatch, fact: Recorded, _event: IncidentCanceled) -> None:
    _end(batch, fact, CANCELED)


def _end(batch: HeatmapBatch, fact: Recorded, state: str) -> None:
    incident = incident_of(fact.stream)
    row: Incident | None = batch.rows.get(incident)
    if row is None:
        batch.changes[incident] = Change(incident, state)
    else:
        row.state = state


HANDLERS: Handlers[HeatmapBatch] = {
    ProcessDeployed: _deployed,
    ElementEntered: _entered,
    ElementPassed: _passed,
    ElementStarted: _began,
    EventTriggered: _began,
    ElementTerminated: _terminated,
    IncidentOpened: _opened,
    IncidentResolved: _resolved,
    IncidentCanceled: _canceled,
}

#: Facts after which an element instance waits no longer.
ENDS_OF_WAITING = (ElementStarted, EventTriggered, ElementTerminated)


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = HeatmapBatch()
    await _read_waiting(facts, batch, db)
    folded(facts, batch, HANDLERS)
    if batch.deployments:
        await db.execute(SQL["insert_processes"], listed(batch.deployments))
    if batch.waiting:
        rows = ((*key, *place) for key, place in batch.waiting.items())
        await db.execute(SQL["wait"], *zip(*rows, strict=True))
    tally = Tally()
    for (process_id, element), moments in batch.starts.items():
        tally.add_starts(process_id, element, moments)
    for incident in await _write_incidents(batch, db):
        tally.add_incident(incident, ACTIVE, -1)
        tally.add_incident(incident, incident.state)
    for incident in batch.rows.values():
        tally.add_incident(incident, incident.state)
    if tally.counts:
        await db.execute(SQL["count"], listed(tally.counts.values()))


async def _read_waiting(facts: Sequence[Recorded], batch: HeatmapBatch, db: Database) -> None:
    """Take what waits no longer after this batch out of the table, so that starts are counted in order of the facts."""
    left = {_key(fact, event.id) for fact in facts if isinstance(event := fact.event, ENDS_OF_WAITING)}
    if left:
        rows = await db.fetch(SQL["leave"], *zip(*left, strict=True))
        batch.waiting = {(row["partition"], row["id"]): (row["process_id"], row["element"]) for row in rows}


async def _write_incidents(batch: HeatmapBatch, db: Database) -> list[Incident]:
    """Write the incidents of the batch and return those that were there before it, as what they are now."""
    if batch.rows:
        await db.execute(SQL["insert_incidents"], listed(batch.rows.values()))
    if not batch.changes:
        return []
    rows = await db.fetch(SQL["update_incidents"], listed(batch.changes.values()))
    return [msgspec.convert(dict(row), Incident) for row in rows]


READ_MODEL = ReadModel(
    name="insight_heatmap",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=(
        "insight_heatmap",
        "insight_heatmap_incidents",
        "insight_heatmap_waiting",
        "insight_heatmap_processes",
    ),
    project=project,
    facts=tuple(HANDLERS),
)
