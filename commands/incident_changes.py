"""What people change about incidents beside their status: severity, texts, who works on them, and notes.

What already is as it is asked for is left as it is, without a fact.
"""

from collections.abc import Iterator
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk
from commands.incident_fields import LONGEST_MESSAGE, one_of, regions, text
from commands.incident_moves import HeldIncident, hold_incident
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.turns import decided, unit_of
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.dialects import DIALECTS, Dialect, DialectName
from domain.incidents.events import IncidentFieldChanged, IncidentNoteAdded, IncidentSeverityChanged
from domain.incidents.incident import Incident
from domain.rejection import Cause, InvalidInput, InvalidState

CHANGE, NOTE = "failed to change incident", "failed to add note"


class ChangeIncident(Intent, frozen=True):
    """Change what is given; ``severity`` is a word of ``dialect``."""

    dialect: DialectName
    severity: str | None = None
    error_message: str | None = None
    affected_regions: tuple[str, ...] | None = None


class AddNote(Intent, frozen=True):
    """Write something down about an incident, in up to ``longest`` characters."""

    dialect: DialectName
    text: str
    longest: int = LONGEST_MESSAGE


class NoteAnswer(NamedTuple):
    """The incident's ULID, and the version of its stream that the note is."""

    incident: str
    version: int


async def gather_change(command: ChangeIncident, ulid: str, context: Context, desk: Desk) -> HeldIncident:
    """Refuse words that the dialect does not have, and texts that cannot be kept."""
    if command.severity is None and command.error_message is None and command.affected_regions is None:
        raise InvalidInput(CHANGE, "nothing to change is given")
    causes: list[Cause] = []
    if command.severity is not None:
        causes += one_of("#/severity", command.severity, DIALECTS[command.dialect].ranks)
    if command.error_message is not None:
        causes += text("#/error_message", command.error_message, 1, LONGEST_MESSAGE)
    if command.affected_regions is not None:
        causes += regions("#/affected_regions", command.affected_regions)
    refuse_if_any(CHANGE, *causes)
    return await hold_incident(desk, ulid, context.tenant, CHANGE)


def decide_change(command: ChangeIncident, ulid: str, held: HeldIncident, context: Context) -> Decision:
    """Refuse changes of what is closed."""
    dialect = DIALECTS[command.dialect]
    _refuse_closed(CHANGE, dialect, held.incident)
    unit = unit_of(context, *held.at_hand)
    for event in _changes(command, dialect, held.incident, context.email):
        unit.record(incident_stream(ulid), event)
    return decided(unit, ulid)


def _changes(command: ChangeIncident, dialect: Dialect, incident: Incident, email: str) -> Iterator[Event]:
    severity, message, places = command.severity, command.error_message, command.affected_regions
    if severity is not None and severity != dialect.severities[incident.severity]:
        yield IncidentSeverityChanged(incident.severity, dialect.ranks[severity], email)
    if message is not None and message != incident.error_message:
        yield IncidentFieldChanged("error_message", incident.error_message, message, email)
    if places is not None and places != incident.affected_regions:
        yield IncidentFieldChanged("affected_regions", incident.affected_regions, places, email)


async def gather_note(command: AddNote, ulid: str, context: Context, desk: Desk) -> HeldIncident:
    """Refuse notes that say nothing, or that cannot be kept."""
    refuse_if_any(NOTE, *text("#/text", command.text, 1, command.longest))
    return await hold_incident(desk, ulid, context.tenant, NOTE)


def decide_note(command: AddNote, ulid: str, held: HeldIncident, context: Context) -> Decision:
    """Add the note, without the blanks around it; refuse one on a closed incident where the dialect does."""
    dialect = DIALECTS[command.dialect]
    if not dialect.writes_when_closed:
        _refuse_closed(NOTE, dialect, held.incident)
    unit = unit_of(context, *held.at_hand)
    stream = incident_stream(ulid)
    unit.record(stream, IncidentNoteAdded(command.text.strip(), context.email))
    return decided(unit, NoteAnswer(ulid, held.at_hand.states[stream].version + 1))


def _refuse_closed(title: str, dialect: Dialect, incident: Incident) -> None:
    if dialect.status_of(incident) == "closed":
        raise InvalidState(title, "the incident is closed")
