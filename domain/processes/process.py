"""The state of a process: its deployed versions, each ready to run."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

from domain.bpmn.graph import Graph, Participant
from domain.bpmn.reader import reread_process
from domain.processes.events import ProcessDeployed, ProcessEvent


class DeployedVersion(msgspec.Struct, frozen=True):
    """One version: who deployed it and when, and the digest of its XML."""

    process_id: int
    bpmn_process_id: str
    version: str
    xml_digest: bytes
    created_at: datetime
    created_by: str
    tags: Mapping[str, str]
    participant: Participant
    parallelism: int = 0


class Graphs(Mapping[str, Graph]):
    """The graphs of the versions of a process, each read from its model when it is first asked for.

    Most versions of a process run no more: a node that has just started would read all of them for nothing.
    """

    def __init__(self, deployed: Mapping[str, ProcessDeployed], read: Mapping[str, Graph]) -> None:
        self._deployed = deployed
        self._read = dict(read)

    def having(self, event: ProcessDeployed) -> "Graphs":
        """Return these and one more."""
        return Graphs({**self._deployed, event.version: event}, self._read)

    def __getitem__(self, version: str) -> Graph:
        graph = self._read.get(version)
        if graph is None:
            graph = self._read[version] = _graph(self._deployed[version])
        return graph

    def __iter__(self) -> Iterator[str]:
        return iter(self._deployed)

    def __len__(self) -> int:
        return len(self._deployed)


class Process(msgspec.Struct, frozen=True):
    """All versions of a BPMN process id within a tenant, by version, in order of deployment, and their graphs.

    ``limited`` says that some version limited how many instances run at once: from then on they all take places.
    """

    versions: dict[str, DeployedVersion]
    graphs: Graphs
    limited: bool = False

    @property
    def latest(self) -> str:
        """The version deployed last: its start events are the ones that happen."""
        return next(reversed(self.versions), "")


NEW = Process({}, Graphs({}, {}))


def digest(xml: str) -> bytes:
    """Tell model texts apart: the smallest difference makes another model (contracts/engine.md 2.2)."""
    return sha256(xml.encode()).digest()


def evolve(process: Process, event: ProcessEvent, at: datetime, by: str) -> Process:
    """Apply a fact that happened ``at`` this time through this actor."""
    return Process(
        {**process.versions, event.version: _deployed(event, at, by)},
        process.graphs.having(event),
        process.limited or event.parallelism > 0,
    )


def _graph(event: ProcessDeployed) -> Graph:
    """Build what runs: the model, with what was deployed for its events, whatever the model says about them."""
    model = reread_process(event.xml, event.bpmn_process_id)
    deployed = {element.bpmn_element_id: element for element in event.elements}
    elements = tuple(
        msgspec.structs.replace(element, definition=deployed[element.bpmn_id].definition) for element in model.elements
    )
    element_ids = {bpmn_id: element.id for bpmn_id, element in deployed.items()}
    return Graph(event.process_id, event.version, msgspec.structs.replace(model, elements=elements), element_ids)


def _deployed(event: ProcessDeployed, at: datetime, by: str) -> DeployedVersion:
    return DeployedVersion(
        process_id=event.process_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        xml_digest=digest(event.xml),
        created_at=at,
        created_by=by,
        tags=event.tags,
        participant=Participant(event.collaboration_id, event.participant_id, event.participant_name),
        parallelism=event.parallelism,
    )
