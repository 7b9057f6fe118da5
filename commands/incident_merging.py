"""Merging duplicates: one incident goes into another, and both keep their histories (issue: joint appends)."""

from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk
from commands.incident_moves import HeldIncident, Wording, hold_incident, hold_with_stop, move
from commands.intents import Intent
from commands.turns import decided, unit_of
from domain.identity import incident_stream
from domain.incidents.events import DuplicateMerged, IncidentMerged
from domain.incidents.incident import Incident
from domain.incidents.status import Status
from domain.rejection import InvalidInput, InvalidState

MERGE = "failed to merge incident"


class MergeIncident(Intent, frozen=True):
    """Merge an incident into the one whose ULID is ``into``."""

    into: str


class HeldDuplicate(NamedTuple):
    """The incident that goes, and the one that it goes into."""

    duplicate: HeldIncident
    into: Incident


async def gather_merge(command: MergeIncident, ulid: str, context: Context, desk: Desk) -> HeldDuplicate:
    """Hold both."""
    if command.into == ulid:
        raise InvalidInput(MERGE, "an incident cannot be merged into itself")
    duplicate = await hold_with_stop(desk, ulid, context.tenant, MERGE)
    into = await hold_incident(desk, command.into, context.tenant, MERGE)
    return HeldDuplicate(duplicate, into.incident)


def decide_merge(command: MergeIncident, ulid: str, held: HeldDuplicate, context: Context) -> Decision:
    """Link the two and close the duplicate; as with every closing, the work of a process is tried again."""
    duplicate, into = held.duplicate.incident, held.into
    if duplicate.merged_into:
        raise InvalidState(MERGE, f"incident inc_{ulid} is merged into inc_{duplicate.merged_into}")
    for name, incident in ((ulid, duplicate), (command.into, into)):
        if Status.CLOSED not in incident.moves:
            raise InvalidState(MERGE, f"incident inc_{name} is {incident.status}")
    unit = unit_of(context, *held.duplicate.at_hand)
    note = f"merged into inc_{command.into}"
    move(unit, ulid, held.duplicate, Status.CLOSED, Wording(note, context.email))
    unit.record(incident_stream(ulid), IncidentMerged(command.into, context.email))
    unit.record(incident_stream(command.into), DuplicateMerged(ulid, context.email))
    return decided(unit, ulid)
