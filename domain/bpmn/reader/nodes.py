"""The flow nodes of a process as the document has them: a tree of scopes, before anything is judged."""

from collections.abc import Container, Iterator

import msgspec
from lxml.etree import _Element as XmlElement

from domain.bpmn.graph import ElementType
from domain.bpmn.reader.document import local_name
from domain.bpmn.reader.vocabulary import (
    EVENT_DEFINITIONS,
    FLOW_NODES,
    LOOPS,
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
    ``outgoing`` are ids of sequence flows in the order of the document, as keys.
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
    triggered_by_event: bool = False
    event_definitions: tuple[str, ...] = ()
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


class FlowTag(msgspec.Struct):
    """A ``sequenceFlow`` element: who it says its ends are, and the scope it stands in."""

    id: str
    source: str
    target: str
    scope: Node


class Tree(msgspec.Struct):
    """A process: itself first, then breadth-first its descendants, and the sequence flows in document order."""

    nodes: list[Node]
    flow_tags: list[FlowTag]
    executable: bool

    @property
    def process(self) -> Node:
        return self.nodes[0]


def read_tree(process: XmlElement) -> Tree:
    """Read a process breadth-first; what is not part of the flow is left out."""
    root = _read_node(process, None)
    tree = Tree([root], [], executable=_is_true(process, "isExecutable"))
    scopes = [(root, process)]
    for scope, element in scopes:  # grows while it is walked
        for child in element:
            tag = local_name(child)
            if tag == "sequenceFlow":
                tree.flow_tags.append(_read_flow_tag(child, scope))
            elif _is_in_the_flow(child, tag, process):
                node = _read_node(child, scope)
                tree.nodes.append(node)
                scope.children.append(node)
                if tag in SCOPES:
                    scopes.append((node, child))
    return tree


def identifier(element: XmlElement, attribute: str = "id") -> str:
    """Return an id, or a reference to one, without the white space around it."""
    return str(element.get(attribute, "")).strip()


def referred(reference: str, known: Container[str]) -> str:
    """Return the id that a reference means; one that is not known may be qualified with a namespace prefix."""
    local = reference.rpartition(":")[2]
    return local if reference not in known and local in known else reference


def _is_in_the_flow(child: XmlElement, tag: str, process: XmlElement) -> bool:
    if tag in FLOW_NODES:
        return True
    # A tag that is neither known nor in the namespace of the process belongs to the tool that wrote the document.
    return tag not in NOT_IN_THE_FLOW and _namespace(child) == _namespace(process)


def _namespace(element: XmlElement) -> str:
    return str(element.tag).rpartition("}")[0]


def _read_node(element: XmlElement, parent: Node | None) -> Node:
    tag = local_name(element)
    children = [(local_name(child), child) for child in element]
    definitions = tuple(name for child_tag, _ in children if (name := event_definition(child_tag)))
    definition = definitions[0] if len(definitions) == 1 else "multiple" if definitions else ""
    return Node(
        id=identifier(element),
        tag=tag,
        kind=kind(tag, definition),
        type=TYPES.get((tag, definition)) if parent is not None else ElementType.PROCESS,
        parent=parent,
        name=element.get("name", ""),
        attached_to=identifier(element, "attachedToRef"),
        default=identifier(element, "default"),
        link_name=next((child.get("name", "") for name, child in children if name == "linkEventDefinition"), ""),
        triggered_by_event=_is_true(element, "triggeredByEvent"),
        event_definitions=definitions,
        markers=tuple(_markers(element, tag, [name for name, _ in children])),
        incoming=_references(children, "incoming"),
        outgoing=_references(children, "outgoing"),
    )


def _markers(element: XmlElement, tag: str, children: list[str]) -> Iterator[str]:
    """Yield what this element asks for beyond what its tag says."""
    for attribute, (plain_values, marker) in PLAIN_VALUES.items():
        if identifier(element, attribute) not in plain_values:
            yield marker
    for child in children:
        if child in LOOPS:
            yield LOOPS[child]
        elif tag not in SCOPES and (child in FLOW_NODES or child == "sequenceFlow"):
            yield f"{words(child)} inside a {words(tag)}"


def _references(children: list[tuple[str, XmlElement]], tag: str) -> dict[str, None]:
    texts = ((child.text or "").strip() for name, child in children if name == tag)
    return {text: None for text in texts if text}


def _read_flow_tag(element: XmlElement, scope: Node) -> FlowTag:
    return FlowTag(
        id=identifier(element),
        source=identifier(element, "sourceRef"),
        target=identifier(element, "targetRef"),
        scope=scope,
    )


def _is_true(element: XmlElement, attribute: str) -> bool:
    return identifier(element, attribute).lower() in ("true", "1")
