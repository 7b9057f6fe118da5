"""Writing a generated BPMN document: nodes and flows in scopes, and the names that events may refer to."""

from collections.abc import Iterator
from itertools import count
from xml.sax.saxutils import escape, quoteattr

from domain.bpmn.graph import EventDefinition

#: Few names, so that a thrown one often meets an event that catches it.
ERROR_CODES = ("E1", "E2")
ESCALATION_CODES = ("X1", "X2")
MESSAGES = ("m1", "m2", "m3")
SIGNALS = ("s1", "s2")

#: Refers to an error or escalation without a code, which catches any.
ANY = "any"


class Node:
    """A flow node; the content of a scope is written after its own."""

    def __init__(self, tag: str, node_id: str, **attributes: str) -> None:
        self.tag = tag
        self.id = node_id
        self.attributes = attributes
        self.content = ""
        self.scope: Scope | None = None

    def written(self) -> str:
        attributes = {"id": self.id, **self.attributes}
        text = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
        inside = self.scope.written() if self.scope is not None else ""
        return f"<{self.tag}{text}>{self.content}{inside}</{self.tag}>"


class Scope:
    """A process or sub-process with its flow nodes and sequence flows."""

    def __init__(self, document: "Document", bpmn_id: str) -> None:
        self.document = document
        self.id = bpmn_id
        self.nodes: list[Node] = []
        self._flows: list[tuple[str, str, str]] = []
        self._conditions: dict[str, str] = {}

    def add(self, tag: str, kind: str = "", **attributes: str) -> Node:
        """Add a flow node; ``kind`` begins its id, the tag where it is empty."""
        node = Node(tag, self.document.next_id(kind or tag), **attributes)
        self.nodes.append(node)
        return node

    def add_scope(self, kind: str = "subProcess", tag: str = "subProcess", **attributes: str) -> Node:
        """Add a sub-process of some kind, empty so far."""
        node = self.add(tag, kind, **attributes)
        node.scope = Scope(self.document, node.id)
        return node

    def flow(self, source: str, target: str) -> str:
        """Add a sequence flow and return its id."""
        flow_id = self.document.next_id("flow")
        self._flows.append((flow_id, source, target))
        return flow_id

    def flows_from(self, source: str) -> list[str]:
        """Return the ids of the flows that go out of a node so far."""
        return [flow_id for flow_id, start, _ in self._flows if start == source]

    def condition(self, flow_id: str, expression: str, language: str) -> None:
        """Have the engine take a flow where this holds."""
        inside = f'<conditionExpression language="{language}">{escape(expression)}</conditionExpression>'
        self._conditions[flow_id] = inside

    def written(self) -> str:
        nodes = (node.written() for node in self.nodes)
        flows = (
            f'<sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">'
            f"{self._conditions.get(flow_id, '')}</sequenceFlow>"
            for flow_id, source, target in self._flows
        )
        return "\n".join(("", *nodes, *flows, ""))


class Process(Scope):
    """A process; ``given`` are the definitions of events that come with its deployment, by element."""

    def __init__(self, document: "Document", bpmn_id: str) -> None:
        super().__init__(document, bpmn_id)
        self.given: dict[str, EventDefinition] = {}


class Document:
    """A BPMN document with several processes; ids are unique within it."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self._numbers = count(1)

    def next_id(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"

    def add_process(self) -> Process:
        process = Process(self, f"p{len(self.processes) + 1}")
        self.processes.append(process)
        return process

    def written(self) -> str:
        processes = (
            f'<process id="{process.id}" isExecutable="true">{process.written()}</process>'
            for process in self.processes
        )
        return "\n".join(("<definitions>", *self._names(), *processes, "</definitions>"))

    def _names(self) -> Iterator[str]:
        starting = tuple(start_name(process.id) for process in self.processes)
        yield from (f'<message id="message_{name}" name="{name}"/>' for name in (*MESSAGES, *starting))
        yield from (f'<signal id="signal_{name}" name="{name}"/>' for name in (*SIGNALS, *starting))
        yield from (f'<error id="error_{code}" errorCode="{code}"/>' for code in ERROR_CODES)
        yield from (f'<escalation id="escalation_{code}" escalationCode="{code}"/>' for code in ESCALATION_CODES)
        yield f'<error id="error_{ANY}"/><escalation id="escalation_{ANY}"/>'


def start_name(bpmn_process_id: str) -> str:
    """Return the name of the messages and signals that start a process: no other process may be started by it."""
    return f"start-{bpmn_process_id}"
