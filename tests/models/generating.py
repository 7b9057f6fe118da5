"""Random block-structured models of all elements: a seed in, BPMN and what to know of its processes out."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from domain.bpmn.graph import EventDefinition
from tests.models.activities import fill, run, start_by_event
from tests.models.blocks import sequence
from tests.models.building import Builder, Place
from tests.models.writing import Document, Process, start_name

#: Flow nodes that are generated before a process is brought to its ends.
LARGEST = 30


class GeneratedProcess(NamedTuple):
    """A process; ``given`` are the definitions of events that come with its deployment, by element."""

    id: str
    given: Mapping[str, EventDefinition]
    parallelism: int


class GeneratedModel(NamedTuple):
    """A document; ``processes`` are in the order of their deployment, called ones before those that call them."""

    seed: int
    xml: str
    processes: tuple[GeneratedProcess, ...]


def generate(seed: int) -> GeneratedModel:
    """Return the model of that seed, always the same; a process calls only those that were built before it."""
    chance = Random(seed)
    document = Document()
    for _ in range(chance.choice((1, 2, 2, 3))):
        _fill_process(chance, document)
    processes = tuple(
        GeneratedProcess(process.id, process.given, chance.choice((0, 0, 0, 1, 2))) for process in document.processes
    )
    return GeneratedModel(seed, document.written(), processes)


def _fill_process(chance: Random, document: Document) -> None:
    callees = [process.id for process in document.processes]
    process = document.add_process()
    build = Builder(chance, process, callees, chance.randint(3, LARGEST))
    build.sequence = sequence
    if build.happens(75):
        fill(build, process, 0)
    else:
        _fill_with_event_start(build, process)


def _fill_with_event_start(build: Builder, process: Process) -> None:
    """Begin a process in two ways: with its none start event, or with one that something happens to."""
    place = Place(process)
    begin = build.add(place, "exclusiveGateway", "merge").id
    process.flow(build.add(place, "startEvent").id, begin)
    process.flow(start_by_event(build, place, start_name(process.id)), begin)
    run(build, place, begin)
