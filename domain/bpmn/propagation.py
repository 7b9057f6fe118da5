"""Who catches an error or an escalation (contracts/engine.md 2.12; BPMN 2.0, 10.5.1, 13.5.3).

The search begins at the activity's own boundary events and goes outward scope by scope: at each, its event
sub-processes first, then its boundary events. At a called process it looks at the call activity in the calling instance
and ends there. At each level the very code beats the empty one, which means any.
"""

from collections.abc import Iterator
from typing import NamedTuple

from domain.bpmn.catching import trigger
from domain.bpmn.events import ProcessReturned, TaskType
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element, ElementType
from domain.bpmn.instance import ElementInstance
from domain.bpmn.intake import Trigger

ERRORS = (ElementType.ERROR_BOUNDARY_EVENT, ElementType.ERROR_START_EVENT)
ESCALATIONS = (ElementType.ESCALATION_BOUNDARY_EVENT, ElementType.ESCALATION_START_EVENT)


class Catcher(NamedTuple):
    """The event that catches, in the turn of its instance, and whether it interrupts."""

    turn: Turn
    id: int
    event: Element


def throw_error(turn: Turn, element_instance_id: int, code: str, *, ends: bool = False) -> bool:
    """Throw an error from an element instance, which ``ends`` with it; False when nobody catches it."""
    found = _find(turn, element_instance_id, ERRORS, code)
    if ends:
        turn.end(element_instance_id)
    if found is None:
        return False
    _catch(turn, found, Trigger(error_code=code))
    return True


def throw_escalation(
    turn: Turn, element_instance_id: int, code: str, *, interrupting: bool | None = None, ends: bool = False
) -> bool:
    """Throw an escalation in the same way. ``interrupting`` asks for events of one kind only."""
    found = _find(turn, element_instance_id, ESCALATIONS, code, interrupting=interrupting)
    if ends:
        turn.end(element_instance_id)
    if found is None:
        return False
    _catch(turn, found, Trigger(escalation_code=code))
    return True


def _catch(turn: Turn, found: Catcher, cause: Trigger) -> None:
    """Let the event happen; in the calling instance by a task, after this instance has ended if it interrupts."""
    if found.turn is turn:
        trigger(turn, found.id, cause)
        return
    found.turn.create_task(
        found.id,
        TaskType.TRIGGER_EVENT,
        found.event,
        error_code=cause.error_code,
        escalation_code=cause.escalation_code,
    )
    if found.event.interrupting:
        found.turn.record(ProcessReturned(turn.instance.caller_id))
        turn.end_instance()


def _find(
    turn: Turn, thrower_id: int, types: tuple[ElementType, ...], code: str, *, interrupting: bool | None = None
) -> Catcher | None:
    """Return the innermost event that catches the code."""
    for level in _levels(turn, thrower_id):
        fitting = [
            catcher
            for catcher in level
            if catcher.event.type in types and interrupting in (None, catcher.event.interrupting)
        ]
        for wanted in (code, ""):
            for catcher in fitting:
                if _code(catcher) == wanted:
                    return catcher
    return None


def _levels(turn: Turn, thrower_id: int) -> Iterator[list[Catcher]]:
    """Yield the events that may catch, nearest first."""
    inner: ElementInstance | None = None
    for scope in list(turn.instance.scopes_of(thrower_id)):
        inside, beside = _events_at(turn, scope.id)
        if inner is not None:
            yield [catcher for catcher in inside if turn.instance.elements[catcher.id].element != inner.element]
        yield beside
        inner = scope
    caller = turn.around.caller(turn)
    if caller is not None and turn.instance.caller_id in caller.instance.elements:
        for call in caller.instance.scopes_of(turn.instance.caller_id):
            if not (call.id == turn.instance.caller_id or call.multi_instance):
                return
            yield _events_at(caller, call.id)[1]


def _events_at(turn: Turn, host_id: int) -> tuple[list[Catcher], list[Catcher]]:
    """Return the event sub-processes inside an element instance, and the boundary events beside it."""
    inside: list[Catcher] = []
    beside: list[Catcher] = []
    for attached in turn.instance.attached_to(host_id):
        event = turn.graph.elements[attached.element]
        where = inside if attached.parent_id == host_id else beside
        where.append(Catcher(turn, attached.id, turn.graph.event_starts.get(event.bpmn_id, event)))
    return inside, beside


def _code(catcher: Catcher) -> str | None:
    definition = catcher.turn.instance.elements[catcher.id].definition
    if definition is None:
        return None
    return definition.error_code if catcher.event.type in ERRORS else definition.escalation_code
