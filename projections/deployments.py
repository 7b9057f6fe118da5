"""The deployed versions that a read model of incidents knows, so that it can tell an unknown one from a quiet one."""

import msgspec

from domain.event import Recorded
from domain.processes.events import ProcessDeployed


class Deployment(msgspec.Struct):
    """A deployed version: what analysts call it, and its number."""

    tenant: str
    process_key: str
    version: str
    process_id: int


def deployment(fact: Recorded, event: ProcessDeployed) -> Deployment:
    return Deployment(fact.tenant, event.bpmn_process_id, event.version, event.process_id)
