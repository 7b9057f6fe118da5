"""Keeps how jobs ended within the last hour, and how long what was completed took.

A fact that ends something says neither where it stood nor when it began, so what has not ended is kept, too. Ends are
counted in the order of the facts, so that the rows are the same however the facts were parted into batches.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementStarted,
    ElementTerminated,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
)
from domain.event import Recorded
from domain.identity import instance_of
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.last_hour import kept_since
from projections.read_model import ReadModel
from projections.time_spans import MINUTE, SECOND, counted, milliseconds

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")

SPANS = (MINUTE, SECOND)

#: A job or an element instance: its partition and number.
Key = tuple[date, int]


class Element(msgspec.Struct):
    """An element of a version, in the order of its table."""

    element_id: int
    tenant: str
    process_key: str
    version: str
    activity_id: str


class Job(msgspec.Struct):
    """A job that has not ended, in the order of its table; element 0: it is in the table already."""

    partition: date
    id: int
    element_id: int = 0


class Running(msgspec.Struct):
    """An element instance that has not ended, in the order of its table; the same holds for its element.

    ``began_at`` is in milliseconds since 1970; 0 stands for what the table says.
    """

    partition: date
    id: int
    element_id: int = 0
    began_at: int = 0


class Count(msgspec.Struct):
    """More ends of jobs in a span, in the order of the table."""

    span: int
    begins: int
    element_id: int
    failed: bool
    times: int
    moments: str | None


class Durations(msgspec.Struct):
    """More durations in a second, in the order of the table."""

    begins: int
    element_id: int
    moments: list[int]
    durations: list[int]


class Batch:
    """What a batch makes, and what it ends; ends come with their moment in milliseconds since 1970.

    ``jobs`` and ``running`` began in the batch and have not ended in it; ``begun`` are those of before that have begun
    only now. ``canceled`` and ``terminated`` are those of before that came to no good end.
    """

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.jobs: dict[Key, Job] = {}
        self.running: dict[Key, Running] = {}
        self.begun: dict[Key, Running] = {}
        self.canceled: list[Job] = []
        self.terminated: list[Running] = []
        self.ended: list[tuple[Job, int, bool]] = []
        self.completed: list[tuple[Running, int]] = []

    async def find_ended(self, db: Database) -> None:
        """Take what ended out of the tables, and say of it what they said."""
        jobs = {(job.partition, job.id): job for job, _, _ in self.ended if not job.element_id}
        if jobs or self.canceled:
            for partition, number, element in await db.fetch(SQL["end_jobs"], listed([*jobs.values(), *self.canceled])):
                if (job := jobs.get((partition, number))) is not None:
                    job.element_id = element
        running = {(one.partition, one.id): one for one, _ in self.completed if not one.element_id}
        if running or self.terminated:
            rows = listed([*running.values(), *self.terminated])
            for partition, number, element, began_at in await db.fetch(SQL["end_running"], rows):
                if (one := running.get((partition, number))) is not None:
                    one.element_id, one.began_at = element, one.began_at or began_at

    def counts(self, since: int) -> Iterator[Count]:
        """Yield how many jobs ended since a time, by span."""
        moments: dict[tuple[int, bool], list[int]] = {}
        for job, moment, failed in self.ended:
            if moment >= since:
                moments.setdefault((job.element_id, failed), []).append(moment)
        for (element, failed), ends in moments.items():
            for span, begins, times, within in counted(ends, SPANS):
                yield Count(span, begins, element, failed, times, within)

    def durations(self, since: int) -> Iterator[Durations]:
        """Yield how long it took what completed since a time, by second; what had no row is none of ours."""
        seconds: dict[tuple[int, int], Durations] = {}
        for one, moment in self.completed:
            if moment < since or not one.element_id:
                continue
            key = (moment // SECOND * SECOND, one.element_id)
            row = seconds.get(key)
            if row is None:
                row = seconds[key] = Durations(*key, [], [])
            row.moments.append(moment % SECOND)
            row.durations.append(max(0, moment - one.began_at))
        yield from seconds.values()


def _key(fact: Recorded, number: int) -> Key:
    return instance_of(fact.stream).partition, number


def _deployed(batch: Batch, fact: Recorded, event: ProcessDeployed) -> None:
    of_version = (fact.tenant, event.bpmn_process_id, event.version)
    batch.elements += [Element(element.id, *of_version, element.bpmn_element_id) for element in event.elements]


def _created(batch: Batch, fact: Recorded, event: JobCreated) -> None:
    key = _key(fact, event.id)
    batch.jobs[key] = Job(*key, event.element_id)


def _ended(batch: Batch, fact: Recorded, event: JobCompleted | JobFailed) -> None:
    key = _key(fact, event.id)
    job = batch.jobs.pop(key, None) or Job(*key)
    batch.ended.append((job, milliseconds(fact.happened_at), type(event) is JobFailed))


def _canceled(batch: Batch, fact: Recorded, event: JobCanceled) -> None:
    key = _key(fact, event.id)
    if batch.jobs.pop(key, None) is None:
        batch.canceled.append(Job(*key))


def _entered(batch: Batch, fact: Recorded, event: ElementEntered) -> None:
    """Note what is entered, but neither events armed at other elements nor what stands for several instances."""
    if event.attached_to or event.multi_instance:
        return
    key = _key(fact, event.id)
    batch.running[key] = Running(*key, event.element_id, milliseconds(fact.happened_at))


def _started(batch: Batch, fact: Recorded, event: ElementStarted) -> None:
    key = _key(fact, event.id)
    running = batch.running.get(key)
    if running is None:
        running = batch.begun[key] = Running(*key)
    running.began_at = milliseconds(fact.happened_at)


def _completed(batch: Batch, fact: Recorded, event: ElementCompleted) -> None:
    key = _key(fact, event.id)
    running = batch.running.pop(key, None) or batch.begun.pop(key, None) or Running(*key)
    batch.completed.append((running, milliseconds(fact.happened_at)))


def _terminated(batch: Batch, fact: Recorded, event: ElementTerminated) -> None:
    key = _key(fact, event.id)
    if batch.running.pop(key, None) is None:
        batch.begun.pop(key, None)
        batch.terminated.append(Running(*key))


HANDLERS: Handlers[Batch] = {
    ProcessDeployed: _deployed,
    JobCreated: _created,
    JobCompleted: _ended,
    JobFailed: _ended,
    JobCanceled: _canceled,
    ElementEntered: _entered,
    ElementStarted: _started,
    ElementCompleted: _completed,
    ElementTerminated: _terminated,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    since = await _kept(facts, db)
    await batch.find_ended(db)
    for query, rows in (
        ("insert_elements", batch.elements),
        ("insert_jobs", batch.jobs.values()),
        ("insert_running", batch.running.values()),
        ("begin_running", batch.begun.values()),
        ("count", [*batch.counts(since)]),
        ("add_durations", [*batch.durations(since)]),
    ):
        if rows:
            await db.execute(SQL[query], listed(rows))


async def _kept(facts: Sequence[Recorded], db: Database) -> int:
    """Drop what is too old after this batch; return since when things are kept."""
    before = await db.fetchval(SQL["since"]) or 0
    since = kept_since(facts, HANDLERS, before)
    if since > before:
        await db.execute(SQL["keep"], since)
        await db.execute(SQL["drop_durations"], since)
        for span in SPANS:
            await db.execute(SQL["drop_outcomes"], span, since)
    return since


READ_MODEL = ReadModel(
    name="work_outcomes",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=(
        "work_outcomes",
        "work_outcomes_durations",
        "work_outcomes_elements",
        "work_outcomes_jobs",
        "work_outcomes_running",
        "work_outcomes_kept",
    ),
    project=project,
    facts=tuple(HANDLERS),
)
