"""Models with events in any scope, drawn in few words; and what became of their element instances."""

import re
from itertools import pairwise

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementResumed,
    ElementStarted,
    ElementSuspended,
    ElementTerminated,
)
from tests.story import Story

#: Refers to an error or escalation without a code, which catches any.
ANY = "any"

_CODES = {"error": "errorCode", "escalation": "escalationCode", "message": "name", "signal": "name"}


def process(*inside: str, process_id: str = "p") -> str:
    """Write a document with one process; what its events refer to is added."""
    body = "".join(inside)
    roots = ""
    for kind, name in sorted(set(re.findall(r'(error|escalation|message|signal)Ref="\w+?_(\w+)"', body))):
        attribute = f' {_CODES[kind]}="{name}"' if name != ANY else ""
        roots += f'<{kind} id="{kind}_{name}"{attribute}/>'
    return f'<definitions>{roots}<process id="{process_id}" isExecutable="true">{body}</process></definitions>'


def line(text: str) -> str:
    """Write nodes and flows of one scope: ``s:startEvent>work:serviceTask>e:endEvent``, several lines by blanks.

    A node whose tag is not said is drawn elsewhere.
    """
    written = ""
    for part in text.split():
        names = []
        for node in part.split(">"):
            name, _, tag = node.partition(":")
            names.append(name)
            written += f'<{tag} id="{name}"/>' if tag else ""
        for source, target in pairwise(names):
            written += f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>'
    return written


def sub(bpmn_id: str, *inside: str, several: str = "") -> str:
    """Write a sub-process; ``several`` is its multi-instance marker."""
    return f'<subProcess id="{bpmn_id}">{several}{"".join(inside)}</subProcess>'


def at_once(cardinality: int) -> str:
    """Write the marker of an activity that runs several times at once."""
    return (
        "<multiInstanceLoopCharacteristics>"
        f"<loopCardinality>{cardinality}</loopCardinality></multiInstanceLoopCharacteristics>"
    )


def event(tag: str, bpmn_id: str, kind: str, of: str = "", attributes: str = "") -> str:
    """Write an event; ``of`` is its code, name or duration, and empty where a worker is to be asked."""
    reference = f' {kind}Ref="{kind}_{of}"' if of and kind != "timer" else ""
    within = f"<timeDuration>{of}</timeDuration>" if of and kind == "timer" else ""
    definition = f"<{kind}EventDefinition{reference}>{within}</{kind}EventDefinition>"
    return f'<{tag} id="{bpmn_id}"{attributes}>{definition}</{tag}>'


def boundary(bpmn_id: str, host: str, kind: str, of: str = "", *, interrupting: bool = True) -> str:
    """Write a boundary event."""
    attributes = f' attachedToRef="{host}"' + ("" if interrupting else ' cancelActivity="false"')
    return event("boundaryEvent", bpmn_id, kind, of, attributes)


def event_sub(bpmn_id: str, kind: str, of: str, *inside: str, interrupting: bool = True) -> str:
    """Write an event sub-process; its start event is ``<bpmn_id>_start``."""
    attributes = "" if interrupting else ' isInterrupting="false"'
    start = event("startEvent", f"{bpmn_id}_start", kind, of, attributes)
    return f'<subProcess id="{bpmn_id}" triggeredByEvent="true">{start}{"".join(inside)}</subProcess>'


def fates(story: Story, element: str) -> list[str]:
    """Return the states of all instances of an element, in the order of their ids."""
    states: dict[int, str] = {}
    for fact in story.facts:
        match fact:
            case ElementEntered() if fact.element == element:
                states[fact.id] = fact.state
            case ElementPassed() if fact.element == element:
                states[fact.id] = "COMPLETED"
            case ElementStarted() | ElementResumed() | ElementSuspended() | ElementCompleted() | ElementTerminated():
                if fact.id in states:
                    states[fact.id] = _state_after(fact)
            case _:
                pass
    return [str(state) for _, state in sorted(states.items())]


def _state_after(
    fact: ElementStarted | ElementResumed | ElementSuspended | ElementCompleted | ElementTerminated,
) -> str:
    match fact:
        case ElementResumed():
            return fact.state
        case ElementStarted():
            return "STARTED"
        case ElementSuspended():
            return "SUSPENDED"
        case ElementCompleted():
            return "COMPLETED"
        case _:
            return "TERMINATED"
