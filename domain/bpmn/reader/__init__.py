"""Reading BPMN 2.0 XML: from a document to a process that the engine can run, or to everything that is wrong with it.

``document`` refuses what is dangerous or not XML, ``nodes`` reads the tree of flow nodes, ``flows`` connects them,
``checks`` and ``loops`` look for what cannot be run. What the engine runs is ``elements.ELEMENTS`` and nothing else
(contracts/engine.md 2.2, 2.3 and decision 9): lanes, data, artifacts, documentation and extensions are left out because
they are not part of the flow, and conditions unless the engine is asked to evaluate them; any other element that is not
in that table refuses the whole model.
"""

from collections.abc import Container, Iterable, Iterator
from itertools import chain

from lxml.etree import _Element as XmlElement

from domain.bpmn.elements import ELEMENTS
from domain.bpmn.graph import Element, ElementType, Participant, ProcessModel
from domain.bpmn.reader.checks import incomplete_events, problems
from domain.bpmn.reader.definitions import read_roots
from domain.bpmn.reader.document import TITLE, identifier, invalid_xml, local_name, read_definitions, referred
from domain.bpmn.reader.flows import Flows, connect, sequence_flow
from domain.bpmn.reader.nodes import Node, Tree, read_tree
from domain.rejection import Cause, InvalidModel

__all__ = ["read_process", "reread_process"]

#: Characters of problems in one refusal: a list of all of them may be thousands of times as long as the document.
_LONGEST_REPORT = 1_000_000


def read_process(xml: str, bpmn_process_id: str, runnable: Container[ElementType] = ELEMENTS.keys()) -> ProcessModel:
    """Read the process of that id, or raise ``InvalidModel`` with all of its problems at once.

    ``runnable`` are the element types that are not refused.
    """
    definitions, tree, flows = _read(xml, bpmn_process_id)
    incomplete = next(incomplete_events(tree), None)
    causes = tuple(_as_many_as_can_be_told(chain(incomplete_events(tree), problems(tree, flows, runnable)), tree))
    if incomplete is not None:
        raise InvalidModel(TITLE, f"BPMN XML is invalid: {incomplete.detail}", causes)
    if causes:
        raise InvalidModel(TITLE, "BPMN process is invalid", causes)
    return _model(definitions, tree, flows)


def reread_process(xml: str, bpmn_process_id: str) -> ProcessModel:
    """Read a process that has been accepted before: what was deployed is a fact, whatever would be refused today."""
    return _model(*_read(xml, bpmn_process_id))


def _read(xml: str, bpmn_process_id: str) -> tuple[XmlElement, Tree, Flows]:
    definitions = read_definitions(xml)
    tree = read_tree(_find_process(definitions, bpmn_process_id), read_roots(definitions))
    return definitions, tree, connect(tree)


def _model(definitions: XmlElement, tree: Tree, flows: Flows) -> ProcessModel:
    ids = {node.id for node in tree.nodes}
    return ProcessModel(
        bpmn_process_id=tree.process.id,
        elements=tuple(_element(node, flows, ids) for node in tree.nodes),
        participant=_find_participant(definitions, tree.process.id),
        unreadable_timers={node.id: node.unreadable_timer for node in tree.nodes if node.unreadable_timer},
    )


def _find_process(definitions: XmlElement, bpmn_process_id: str) -> XmlElement:
    processes = [child for child in definitions if local_name(child) == "process"]
    found = [process for process in processes if identifier(process) == bpmn_process_id]
    if not found:
        ids = ", ".join(identifier(process) for process in processes)
        raise InvalidModel(TITLE, f"BPMN model has no process {bpmn_process_id}, but [{ids}]")
    if len(found) > 1:
        raise invalid_xml(f"several processes have the id {bpmn_process_id}")
    return found[0]


def _find_participant(definitions: XmlElement, bpmn_process_id: str) -> Participant:
    """Return the first participant that is this process."""
    for collaboration in definitions:
        if local_name(collaboration) != "collaboration":
            continue
        for child in collaboration:
            reference = identifier(child, "processRef")
            if local_name(child) == "participant" and referred(reference, {bpmn_process_id}) == bpmn_process_id:
                return Participant(identifier(collaboration), identifier(child), child.get("name", ""))
    return Participant()


def _as_many_as_can_be_told(causes: Iterable[Cause], tree: Tree) -> Iterator[Cause]:
    told = 0
    for cause in causes:
        told += len(cause.pointer) + len(cause.detail)
        if told > _LONGEST_REPORT:
            yield Cause(tree.process.pointer, "process", f"process {tree.process.id} has more problems than these")
            return
        yield cause


def _element(node: Node, flows: Flows, ids: Container[str]) -> Element:
    assert node.type is not None  # noqa: S101  (an element without a type has been refused)
    return Element(
        bpmn_id=node.id,
        type=node.type,
        name=node.name,
        parent=node.parent.id if node.parent is not None else "",
        incoming=tuple(sequence_flow(flows[flow_id]) for flow_id in node.incoming),
        outgoing=tuple(sequence_flow(flows[flow_id]) for flow_id in node.outgoing),
        default=node.default if node.tag.endswith("Gateway") else "",
        attached_to=referred(node.attached_to, ids) if node.tag == "boundaryEvent" else "",
        interrupting=node.interrupting,
        link=node.link_name,
        called=node.called,
        definition=node.definition,
        multi_instance=node.multi_instance,
    )
