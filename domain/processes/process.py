"""The state of a process: its deployed versions, each ready to run."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

import msgspec

from domain.bpmn.graph import Graph, Participant
from domain.bpmn.reader import reread_process
from domain.processes.events import ProcessDeployed, ProcessEvent


class DeployedVersion(msgspec.Struct, frozen=True):
    """One version: who deployed it and when, the digest of its XML, and its graph."""

    process_id: int
    bpmn_process_id: str
    version: str
    xml_digest: bytes
    graph: Graph
    created_at: datetime
    created_by: str
    tags: Mapping[str, str]
    participant: Participant


class Process(msgspec.Struct, frozen=True):
    """All versions of a BPMN process id within a tenant, by version, in order of deployment."""

    versions: Mapping[str, DeployedVersion]


NEW = Process({})


def digest(xml: str) -> bytes:
    """Tell model texts apart: the smallest difference makes another model (contracts/engine.md 2.2)."""
    return sha256(xml.encode()).digest()


def evolve(process: Process, event: ProcessEvent, at: datetime, by: str) -> Process:
    """Apply a fact that happened ``at`` this time through this actor."""
    return Process({**process.versions, event.version: _deployed(event, at, by)})


def _deployed(event: ProcessDeployed, at: datetime, by: str) -> DeployedVersion:
    model = reread_process(event.xml, event.bpmn_process_id)
    element_ids = {element.bpmn_element_id: element.id for element in event.elements}
    return DeployedVersion(
        process_id=event.process_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        xml_digest=digest(event.xml),
        graph=Graph(event.process_id, event.version, model, element_ids),
        created_at=at,
        created_by=by,
        tags=event.tags,
        participant=Participant(event.collaboration_id, event.participant_id, event.participant_name),
    )
