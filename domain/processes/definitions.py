"""What the events of a process catch and throw: what the deployment says, or failing that the model.

What neither says is asked for by a job when a token gets there, except where nothing can be started without it
(contracts/engine.md 2.2).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from domain.bpmn.graph import LONGEST_NAME, Element, ElementType, EventDefinition, ProcessModel, Timer
from domain.bpmn.reader.document import TITLE
from domain.bpmn.timers import TimerError, due_at
from domain.rejection import Cause, InvalidInput

#: The events that each kind of definition is for. A worker sends messages that are thrown: their names are not needed.
_EVENTS: Mapping[str, frozenset[ElementType]] = {
    "error": frozenset({ElementType.ERROR_BOUNDARY_EVENT, ElementType.ERROR_END_EVENT, ElementType.ERROR_START_EVENT}),
    "escalation": frozenset(
        {
            ElementType.ESCALATION_BOUNDARY_EVENT,
            ElementType.ESCALATION_END_EVENT,
            ElementType.ESCALATION_START_EVENT,
            ElementType.ESCALATION_THROW_EVENT,
        }
    ),
    "message": frozenset(
        {
            ElementType.MESSAGE_BOUNDARY_EVENT,
            ElementType.MESSAGE_CATCH_EVENT,
            ElementType.MESSAGE_END_EVENT,
            ElementType.MESSAGE_START_EVENT,
            ElementType.MESSAGE_THROW_EVENT,
            ElementType.RECEIVE_TASK,
        }
    ),
    "signal": frozenset(
        {
            ElementType.SIGNAL_BOUNDARY_EVENT,
            ElementType.SIGNAL_CATCH_EVENT,
            ElementType.SIGNAL_END_EVENT,
            ElementType.SIGNAL_START_EVENT,
            ElementType.SIGNAL_THROW_EVENT,
        }
    ),
    "timer": frozenset(
        {ElementType.TIMER_BOUNDARY_EVENT, ElementType.TIMER_CATCH_EVENT, ElementType.TIMER_START_EVENT}
    ),
}
_THROWN_MESSAGES = frozenset({ElementType.MESSAGE_THROW_EVENT, ElementType.MESSAGE_END_EVENT})


class GivenDefinitions(msgspec.Struct, frozen=True):
    """What a deployment says about events, by BPMN element id."""

    errors: Mapping[str, str] = {}
    escalations: Mapping[str, str] = {}
    messages: Mapping[str, str] = {}
    signals: Mapping[str, str] = {}
    timers: Mapping[str, Timer] = {}

    def by_kind(self) -> Mapping[str, Mapping[str, EventDefinition]]:
        """Return it as definitions, by kind and element id."""
        return {
            "error": {key: EventDefinition(error_code=code) for key, code in self.errors.items()},
            "escalation": {key: EventDefinition(escalation_code=code) for key, code in self.escalations.items()},
            "message": {key: EventDefinition(message_name=name) for key, name in self.messages.items()},
            "signal": {key: EventDefinition(signal_name=name) for key, name in self.signals.items()},
            "timer": {key: EventDefinition(timer=timer) for key, timer in self.timers.items()},
        }


class _Definitions(msgspec.Struct, frozen=True):
    """A model, what was said about its events, and what comes of it."""

    model: ProcessModel
    given: Mapping[str, Mapping[str, EventDefinition]]
    resolved: Mapping[str, EventDefinition]
    elements: Mapping[str, Element]
    now: datetime
    elsewhere: Callable[[str], str]


def resolve(
    model: ProcessModel,
    given: GivenDefinitions,
    now: datetime,
    elsewhere: Callable[[str], str] = lambda _name: "",
) -> Mapping[str, EventDefinition]:
    """Return what each event catches or throws, by element id, as far as it is known before the process runs.

    Timers are reckoned from ``now``; ``elsewhere`` names another process, if there is one, that messages of a name
    start already. Raises ``InvalidInput`` with everything that is wrong or missing.
    """
    elements = {element.bpmn_id: element for element in model.elements}
    by_kind = given.by_kind()
    resolved = {element.bpmn_id: element.definition for element in model.elements if element.definition is not None}
    for kind, definitions in by_kind.items():
        waiting = _EVENTS[kind] - _THROWN_MESSAGES
        resolved |= {
            key: value for key, value in definitions.items() if key in elements and elements[key].type in waiting
        }
    causes = tuple(_causes(_Definitions(model, by_kind, resolved, elements, now, elsewhere)))
    if causes:
        raise InvalidInput(TITLE, "invalid or missing event definitions", causes)
    return resolved


def _causes(definitions: _Definitions) -> Iterator[Cause]:
    for kind, given in definitions.given.items():
        for element_id in given:
            if element_id not in definitions.elements:
                process_id = definitions.model.bpmn_process_id
                detail = f"process {process_id} has no element {element_id}"
                yield Cause(f"/{process_id}", f"{kind}_event", detail)
    for element in definitions.model.elements:
        for kind in _EVENTS:
            for detail in _problems(element, kind, definitions):
                yield Cause(_pointer(element, definitions.elements), f"{kind}_event", detail)
    yield from _repeated_names(definitions)


def _problems(element: Element, kind: str, definitions: _Definitions) -> Iterator[str]:
    """Yield what is wrong with the definition of an element as an event of this kind."""
    given = definitions.given[kind].get(element.bpmn_id)
    if element.type not in _EVENTS[kind]:
        if given is not None:
            yield f"element {element.bpmn_id} is not {'an' if kind[0] == 'e' else 'a'} {kind} event"
        return
    definition = given or definitions.resolved.get(element.bpmn_id)
    if definition is None and kind == "timer" and element.bpmn_id in definitions.model.unreadable_timers:
        yield f"failed to evaluate timer: {definitions.model.unreadable_timers[element.bpmn_id]}"
    elif definition is None:
        yield from _missing(element, definitions)
    elif definition.timer is not None:
        yield from _never_due(definition.timer, element, definitions.now)
    else:
        yield from _unusable_text(definition, kind)


def _missing(element: Element, definitions: _Definitions) -> Iterator[str]:
    """Yield that a start event lacks its definition: its own process, or scope, could not wait for it.

    Where an event sub-process waits for a message, a job asks for the correlation key, and for the name as well.
    """
    match element.type:
        case ElementType.MESSAGE_START_EVENT if _starts_the_process(element, definitions):
            yield f"no message name defined for element {element.bpmn_id}"
        case ElementType.SIGNAL_START_EVENT:
            yield f"no signal name defined for element {element.bpmn_id}"
        case ElementType.TIMER_START_EVENT:
            yield f"no timer defined for BPMN element {element.bpmn_id}"


def _never_due(timer: Timer, element: Element, now: datetime) -> Iterator[str]:
    try:
        due = due_at(timer, now)
    except TimerError as error:
        yield f"failed to evaluate timer: {error}"
    else:
        # What does not end its activity fires again and again: without time in between it would never stop.
        if timer.time is None and due <= now and not element.interrupting:
            yield "failed to evaluate timer: it would be due again at once"


def _unusable_text(definition: EventDefinition, kind: str) -> Iterator[str]:
    what = f"{kind} {'code' if kind in ('error', 'escalation') else 'name'}"
    text = definition.error_code or definition.escalation_code or definition.message_name or definition.signal_name
    if len(text) > LONGEST_NAME:
        yield f"{what} has more than {LONGEST_NAME} characters"
    elif not text and kind in ("message", "signal"):
        yield f"{what} is empty"


def _repeated_names(definitions: _Definitions) -> Iterator[Cause]:
    """Yield the start events that would start two instances at once: their names are another's in the process.

    A message has one receiver, so its name may not start another process either.
    """
    seen: set[tuple[str, str]] = set()
    for element in definitions.model.elements:
        definition = definitions.resolved.get(element.bpmn_id)
        if definition is None or not _starts_the_process(element, definitions):
            continue
        for kind, name in (("message", definition.message_name), ("signal", definition.signal_name)):
            if name and (kind, name) in seen:
                detail = f"start {kind} name {name} must be unique"
                yield Cause(_pointer(element, definitions.elements), f"{kind}_event", detail)
            seen.add((kind, name))
        other = definitions.elsewhere(definition.message_name) if definition.message_name else ""
        if other:
            detail = f"start message name {definition.message_name} must be unique - already defined in process {other}"
            yield Cause(_pointer(element, definitions.elements), "message_event", detail)


def _starts_the_process(element: Element, definitions: _Definitions) -> bool:
    starts = (ElementType.MESSAGE_START_EVENT, ElementType.SIGNAL_START_EVENT)
    return element.type in starts and definitions.elements[element.parent].type is ElementType.PROCESS


def _pointer(element: Element, elements: Mapping[str, Element]) -> str:
    path = [element.bpmn_id]
    while element.parent:
        element = elements[element.parent]
        path.insert(0, element.bpmn_id)
    return "/" + "/".join(path)
