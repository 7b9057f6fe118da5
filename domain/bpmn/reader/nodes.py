"""The flow nodes of a process as the document has them: a tree of scopes, before anything is judged."""

from collections.abc import Iterator, Sequence

import msgspec
from lxml.etree import _Element as XmlElement

from domain.bpmn.graph import ElementType, EventDefinition, MultiInstance
from domain.bpmn.reader.definitions import Roots, read_definition
from domain.bpmn.reader.document import identifier, local_name, text_of
from domain.bpmn.reader.expressions import read_condition
from domain.bpmn.reader.repeating import read_multi_instance, unsupported_repetition
from domain.bpmn.reader.timers import UnreadableTimerError, read_timer
from domain.bpmn.reader.vocabulary import (
    EVENT_DEFINITIONS,
    EVENT_SUB_PROCESS,
    FLOW_NODES,
    NOT_IN_THE_FLOW,
    PLAIN_VALUES,
    SCOPES,
    TYPES,
    event_definition,
    kind,
    words,
)


class Node(msgspec.Struct, eq=False):
    """A flow node, or the process itself (``parent`` None).

    ``type`` is None for what clients have no type for; ``kind`` says in words what the node is. ``incoming`` and
    ``outgoing`` are ids of sequence flows in the order of the document, as keys. ``markers`` is what the node asks for
    and does not get, ``unreadable_timer`` why its timer is not among the definitions.
    """

    id: str
    tag: str
    kind: str
    type: ElementType | None
    parent: "Node | None"
    name: str = ""
    attached_to: str = ""
    default: str = ""
    link_name: str = ""
    called: str = ""
    interrupting: bool = True
    event_definitions: tuple[str, ...] = ()
    definition: EventDefinition | None = None
    unreadable_timer: str = ""
    multi_instance: MultiInstance | None = None
    markers: tuple[str, ...] = ()
    children: list["Node"] = []
    incoming: dict[str, None] = {}
    outgoing: dict[str, None] = {}

    @property
    def pointer(self) -> str:
        """Where the node is: ``/processId/scopeId/elementId``."""
        path = []
        node: Node | None = self
        while node is not None:
            path.append(node.id)
            node = node.parent
        return "/" + "/".join(reversed(path))

    @property
    def lacks_event_definition(self) -> bool:
        """Whether this is an event that is nothing without a definition that BPMN knows (contracts/engine.md 2.2)."""
        if self.tag not in ("boundaryEvent", "intermediateCatchEvent"):
            return False
        return EVENT_DEFINITIONS.isdisjoint(self.event_definitions) and "referenced" not in self.event_definitions

    @property
    def is_foreign(self) -> bool:
        """Whether no flow of a process can lead to or from an element of this tag (contracts/engine.md 2.3)."""
        return self.tag not in FLOW_NODES


class FlowTag(msgspec.Struct):
    """A ``sequenceFlow`` element: who it says its ends are, the scope it stands in, and when the engine follows it."""

    id: str
    source: str
    target: str
    scope: Node
    condition: str = ""


class Tree(msgspec.Struct):
    """A process: itself first, then breadth-first its descendants, and the sequence flows in document order."""

    nodes: list[Node]
    flow_tags: list[FlowTag]
    executable: bool

    @property
    def process(self) -> Node:
        return self.nodes[0]


def read_tree(process: XmlElement, roots: Roots) -> Tree:
    """Read a process breadth-first; what is not part of the flow is left out."""
    root = _read_node(process, None, roots)
    tree = Tree([root], [], executable=_is_true(process, "isExecutable"))
    scopes = [(root, process)]
    for scope, element in scopes:  # grows while it is walked
        for child in element:
            tag = local_name(child)
            if tag == "sequenceFlow":
                tree.flow_tags.append(_read_flow_tag(child, scope, roots.language))
            elif _is_in_the_flow(child, tag, process):
                node = _read_node(child, scope, roots)
                tree.nodes.append(node)
                scope.children.append(node)
                if tag in SCOPES:
                    scopes.append((node, child))
    return tree


def _is_in_the_flow(child: XmlElement, tag: str, process: XmlElement) -> bool:
    if tag in FLOW_NODES:
        return True
    # A tag that is neither known nor in the namespace of the process belongs to the tool that wrote the document.
    return tag not in NOT_IN_THE_FLOW and _namespace(child) == _namespace(process)


def _namespace(element: XmlElement) -> str:
    return str(element.tag).rpartition("}")[0]


def _read_node(element: XmlElement, parent: Node | None, roots: Roots) -> Node:
    tag = _tag(element)
    children = list(element)
    definitions = [(name, child) for child in children if (name := event_definition(local_name(child)))]
    definition = definitions[0][0] if len(definitions) == 1 else "multiple" if definitions else ""
    node = Node(
        id=identifier(element),
        tag=tag,
        kind=kind(tag, definition),
        type=TYPES.get((tag, definition)) if parent is not None else ElementType.PROCESS,
        parent=parent,
        name=element.get("name", ""),
        attached_to=identifier(element, "attachedToRef"),
        default=identifier(element, "default"),
        called=identifier(element, "calledElement") if tag == "callActivity" else "",
        interrupting=_is_interrupting(element, parent, definition),
        event_definitions=tuple(name for name, _ in definitions),
        multi_instance=read_multi_instance(children, roots.language),
        # A process is not in the flow itself: what editors leave there of this kind says nothing.
        incoming=_references(children, "incoming") if parent is not None else {},
        outgoing=_references(children, "outgoing") if parent is not None else {},
    )
    node.markers = (*_markers(element), *unsupported_repetition(children, node.type, roots.language))
    if tag == "receiveTask":
        node.definition = read_definition(element, tag, "message", roots)
    for name, child in definitions:
        _define(node, name, child, roots)
    return node


def _tag(element: XmlElement) -> str:
    tag = local_name(element)
    return EVENT_SUB_PROCESS if tag == "subProcess" and _is_true(element, "triggeredByEvent") else tag


def _is_interrupting(element: XmlElement, parent: Node | None, definition: str) -> bool:
    """Errors always interrupt (contracts/engine.md 2.12); a start event does only inside an event sub-process."""
    if definition == "error":
        return True
    match local_name(element):
        case "boundaryEvent":
            return not _is_false(element, "cancelActivity")
        case "startEvent" if parent is not None and parent.tag == EVENT_SUB_PROCESS:
            return not _is_false(element, "isInterrupting")
    return True


def _define(event: Node, definition_kind: str, definition: XmlElement, roots: Roots) -> None:
    """Take over what an event definition says."""
    if definition_kind == "link":
        event.link_name = event.link_name or str(definition.get("name", ""))
    elif definition_kind == "timer":
        try:
            timer = read_timer(definition)
        except UnreadableTimerError as error:
            event.unreadable_timer = str(error)
        else:
            event.definition = EventDefinition(timer=timer) if timer is not None else None
    else:
        event.definition = read_definition(definition, event.tag, definition_kind, roots)


def _markers(element: XmlElement) -> Iterator[str]:
    """Yield what this element asks for beyond what its tag says."""
    tag = local_name(element)
    for attribute, (plain_values, marker) in PLAIN_VALUES.items():
        if identifier(element, attribute) not in plain_values:
            yield marker
    for child in element if tag not in SCOPES else ():
        child_tag = local_name(child)
        if child_tag in FLOW_NODES or child_tag == "sequenceFlow":
            yield f"{words(child_tag)} inside a {words(tag)}"


def _references(children: Sequence[XmlElement], tag: str) -> dict[str, None]:
    texts = (text_of(child) for child in children if local_name(child) == tag)
    return {text: None for text in texts if text}


def _read_flow_tag(element: XmlElement, scope: Node, language: str) -> FlowTag:
    return FlowTag(
        id=identifier(element),
        source=identifier(element, "sourceRef"),
        target=identifier(element, "targetRef"),
        scope=scope,
        condition=read_condition(element, language),
    )


def _is_true(element: XmlElement, attribute: str) -> bool:
    return identifier(element, attribute).lower() in ("true", "1")


def _is_false(element: XmlElement, attribute: str) -> bool:
    return identifier(element, attribute).lower() in ("false", "0")
