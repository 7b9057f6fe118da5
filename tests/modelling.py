"""Models written in a line or two.

A node is ``id:tag``, and where it applies, in this order: ``=flow`` (its default flow), ``^activity`` (attached to it,
interrupting) or ``+activity`` (attached to it without interrupting; a start event has a bare ``+``), ``~definition``,
``@scope`` (the sub-process in which it lies).

A tag is BPMN's own, or says what event it is: ``messageStart``, ``timerCatch``, ``signalThrow``, ``errorEnd``,
``escalationBoundary``, and so on. An event's definition is a name or a code; of a timer a duration, a cycle without
blanks or a time; without one it is left to the deployment, or to a job.
"""

import re
from typing import NamedTuple

_NODE = re.compile(
    r"(?P<id>[^:]+):(?P<tag>\w+)(?:=(?P<default>\w+))?(?:\^(?P<host>\w+)|(?P<beside>\+)(?P<other>\w*))?"
    r"(?:~(?P<definition>@?[^@]*))?(?:@(?P<scope>\w+))?"
)
_EVENT = re.compile(r"(message|signal|timer|error|escalation|link|terminate|none)(Start|Catch|Throw|End|Boundary)")
_TAGS = {
    "Start": "startEvent",
    "Catch": "intermediateCatchEvent",
    "Throw": "intermediateThrowEvent",
    "End": "endEvent",
    "Boundary": "boundaryEvent",
}


class _Node(NamedTuple):
    id: str
    tag: str
    default: str = ""
    host: str = ""
    interrupting: bool = True
    definition: str = ""
    scope: str = ""


def bpmn(nodes: str, flows: str, process_id: str = "p", extra: str = "") -> str:
    """Write a BPMN model: ``nodes``, and ``flows`` as ``source>target``, both separated by blanks.

    Flows are named ``source_target`` and lie in the scope of their source. ``extra`` goes into the process as it is.
    """
    read = [_read(node) for node in nodes.split()]
    scope_of = {node.id: node.scope for node in read}
    inside: dict[str, list[str]] = {"": []}
    for node in read:
        inside.setdefault(node.id, [])
        inside.setdefault(node.scope, [])
        if not _is_scope(node):
            inside[node.scope].append(_written(node))
    for flow in flows.split():
        source, _, target = flow.partition(">")
        text = f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}"/>'
        inside[scope_of[source]].append(text)
    for node in reversed(read):
        if _is_scope(node):
            by_event = ' triggeredByEvent="true"' if node.tag == "eventSubProcess" else ""
            inside[node.scope].append(f'<subProcess id="{node.id}"{by_event}>{"".join(inside[node.id])}</subProcess>')
    process = f'<process id="{process_id}" isExecutable="true">{"".join(inside[""])}{extra}</process>'
    return f"<definitions>{_roots(read)}{process}</definitions>"


def _read(text: str) -> _Node:
    found = _NODE.fullmatch(text)
    assert found is not None, text
    return _Node(
        found["id"],
        found["tag"],
        found["default"] or "",
        found["host"] or found["other"] or "",
        not found["beside"],
        found["definition"] or "",
        found["scope"] or "",
    )


def _is_scope(node: _Node) -> bool:
    return node.tag in ("subProcess", "eventSubProcess")


def _written(node: _Node) -> str:
    event = _EVENT.fullmatch(node.tag)
    tag = _TAGS[event[2]] if event else node.tag
    attributes = f' id="{node.id}"'
    if node.default:
        attributes += f' default="{node.default}"'
    if node.host:
        attributes += f' attachedToRef="{node.host}"'
    if not node.interrupting:
        attributes += f' {"cancelActivity" if node.host else "isInterrupting"}="false"'
    if node.tag == "receiveTask" and node.definition:
        attributes += f' messageRef="message-{node.definition}"'
    return f"<{tag}{attributes}>{_definition(event[1], node.definition) if event else ''}</{tag}>"


def _definition(kind: str, definition: str) -> str:
    tag = f"{kind}EventDefinition"
    match kind:
        case "none":
            return ""
        case "link":
            return f'<{tag} name="{definition}"/>'
        case "timer":
            return f"<{tag}>{_timer(definition)}</{tag}>"
        case _:
            reference = f' {kind}Ref="{kind}-{definition}"' if definition else ""
            return f"<{tag}{reference}/>"


def _timer(definition: str) -> str:
    if not definition:
        return ""
    what = {"P": "timeDuration", "R": "timeCycle", "@": "timeCycle"}.get(definition[0], "timeDate")
    return f"<{what}>{definition}</{what}>"


def _roots(nodes: list[_Node]) -> str:
    """Write the messages, signals, errors and escalations that events refer to."""
    said: dict[str, None] = {}
    for node in nodes:
        event = _EVENT.fullmatch(node.tag)
        kind = "message" if node.tag == "receiveTask" else event[1] if event else ""
        if not node.definition or kind in ("", "timer", "link"):
            continue
        attribute = "name" if kind in ("message", "signal") else f"{kind}Code"
        said[f'<{kind} id="{kind}-{node.definition}" {attribute}="{node.definition}"/>'] = None
    return "".join(said)
