"""What a read model of incidents knows of deployed versions: which there are, and which of their elements catch errors.

So it can tell an unknown version from a quiet one, and a business error that a process handles from other events.
"""

import msgspec

from domain.bpmn.events import EventTriggered
from domain.bpmn.graph import ElementType
from domain.event import Recorded
from domain.processes.events import ProcessDeployed
from projections.database import Database
from projections.folding import listed
from projections.time_spans import milliseconds


class Deployment(msgspec.Struct):
    """A deployed version: what analysts call it, and its number."""

    tenant: str
    process_key: str
    version: str
    process_id: int


class ErrorStart(msgspec.Struct):
    """The start event of an event sub-process that errors begin."""

    element_id: int


def deployment(fact: Recorded, event: ProcessDeployed) -> Deployment:
    return Deployment(fact.tenant, event.bpmn_process_id, event.version, event.process_id)


class ErrorStarts:
    """Error start events: those that a batch deployed, and the errors in it that may have reached one.

    A fact of an error that was caught does not say by what; the elements that were deployed do.
    """

    def __init__(self) -> None:
        self.deployed: list[ErrorStart] = []
        self.caught: list[tuple[int, int, int]] = []

    def deploy(self, event: ProcessDeployed) -> None:
        """Note the error start events of a version."""
        kind = ElementType.ERROR_START_EVENT
        self.deployed += [ErrorStart(element.id) for element in event.elements if element.type is kind]

    def catch(self, fact: Recorded, event: EventTriggered) -> None:
        """Note an event that was triggered, if it was by an error."""
        if event.error_code is not None:
            self.caught.append((event.process_id, event.element_id, milliseconds(fact.happened_at)))

    async def fired(self, db: Database, insert: str, select: str) -> list[tuple[int, int]]:
        """Write what was deployed and return the process and the time of each error start event that fired.

        ``insert`` takes the element ids of the deployed ones, ``select`` returns those that are known of the ids it
        takes.
        """
        if self.deployed:
            await db.execute(insert, listed(self.deployed))
        if not self.caught:
            return []
        elements = sorted({element_id for _, element_id, _ in self.caught})
        known = {row["element_id"] for row in await db.fetch(select, elements)}
        return [(process_id, moment) for process_id, element_id, moment in self.caught if element_id in known]
