"""Whatever is done to a model, the reader either reads it or says what is wrong with it, and never anything else."""

from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from domain.bpmn.graph import ElementType, Graph, ProcessModel
from domain.rejection import InvalidModel
from tests.bpmn.refusing import read

MODELS = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "models").glob("*.bpmn"))]
IDS = ["begun", "done", "work", "fork", "join", "how_much", "to_done", "to_fork", "parallel_gateway", "", "ghost"]
TAGS = [
    "startEvent",
    "endEvent",
    "task",
    "userTask",
    "serviceTask",
    "subProcess",
    "transaction",
    "exclusiveGateway",
    "parallelGateway",
    "inclusiveGateway",
    "eventBasedGateway",
    "boundaryEvent",
    "intermediateCatchEvent",
    "intermediateThrowEvent",
    "sequenceFlow",
    "incoming",
    "outgoing",
    "process",
    "laneSet",
    "receiveTask",
    "callActivity",
    "message",
    "errorEventDefinition",
    "messageEventDefinition",
    "timerEventDefinition",
    "terminateEventDefinition",
    "timeDate",
    "timeCycle",
    "conditionExpression",
    "loopCardinality",
    "completionCondition",
    "linkEventDefinition",
    "eventDefinitionRef",
    "multiInstanceLoopCharacteristics",
    "definitions",
]
ATTRIBUTES = [
    *("id", "sourceRef", "targetRef", "default", "attachedToRef", "triggeredByEvent", "isExecutable", "name"),
    *("errorRef", "messageRef", "cancelActivity", "isInterrupting", "calledElement", "language", "expressionLanguage"),
]
VALUES = [*IDS, "false", "true", "https://cel.dev", "work", "on_timer", "refused", "paid", "1"]
PROCESSES = (
    "parallel_gateway",
    "sub_process",
    "exclusive_gateway",
    "selling",
    "ghost",
    "",
    "boundary_events",
    "event_sub_processes",
    "intermediate_events",
    "end_events",
    "multi_instance",
    "start_events",
    "event_based_gateway",
)


def read_or_refused(xml: str) -> ProcessModel | None:
    """Read every process that the text may have; check what comes of it."""
    model = None
    for process_id in PROCESSES:
        try:
            model = read(xml, process_id)
        except InvalidModel as refused:
            said = [refused.detail, *(cause.detail for cause in refused.causes)]
            pointers = [cause.pointer for cause in refused.causes]
        else:
            said, pointers = ["read"], []
            assert_sound(model)
        assert all(said)
        assert all(pointer.startswith("/") for pointer in pointers)
    return model


def assert_sound(model: ProcessModel) -> None:
    """Check what the engine relies on."""
    by_id = {element.bpmn_id: element for element in model.elements}
    assert len(by_id) == len(model.elements)
    for element in model.elements:
        if element.attached_to:
            assert by_id[element.attached_to].parent == element.parent
        if element.type is ElementType.EVENT_SUB_PROCESS:
            assert not element.incoming
            assert not element.outgoing
        assert element.parent in by_id or element is model.elements[0]
        assert all(flow in by_id[flow.target].incoming and flow.source == element.bpmn_id for flow in element.outgoing)
        assert all(flow in by_id[flow.source].outgoing and flow.target == element.bpmn_id for flow in element.incoming)
        assert all(by_id[flow.target].parent == element.parent for flow in element.outgoing)
    graph = Graph(1, "1", model, dict.fromkeys(by_id, 1))
    assert set(graph.event_starts) == {e.bpmn_id for e in model.elements if e.type is ElementType.EVENT_SUB_PROCESS}
    links = [(e.parent, e.link) for e in model.elements if e.type is ElementType.LINK_THROW_EVENT]
    assert all(link in graph.link_catches for link in links)


def mutate(root: etree._Element, chance: Random) -> None:
    """Do one thing to the tree that an editor, a bug or an attacker might do."""
    elements = list(root.iter("*"))
    element, other = chance.choice(elements), chance.choice(elements)
    parent = element.getparent()
    match chance.randrange(6):
        case 0 if parent is not None:
            parent.remove(element)
        case 1:
            element.set(chance.choice(ATTRIBUTES), chance.choice(VALUES))
        case 2:
            element.tag = chance.choice(["", "{http://www.omg.org/spec/BPMN/20100524/MODEL}"]) + chance.choice(TAGS)
        case 3:
            other.append(etree.fromstring(etree.tostring(element)))
        case 4 if element not in other.iterancestors() and element is not other:
            other.append(element)
        case _:
            element.text = chance.choice(VALUES)


@settings(max_examples=300, deadline=None)
@given(model=st.sampled_from(MODELS), seed=st.integers(0, 2**32), times=st.integers(1, 12))
def test_a_model_with_parts_moved_removed_or_renamed_is_read_or_refused(model: str, seed: int, times: int) -> None:
    root = etree.fromstring(model.encode())
    chance = Random(seed)
    for _ in range(times):
        mutate(root, chance)
    read_or_refused(etree.tostring(root, encoding="unicode"))


@settings(max_examples=300, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    cut=st.tuples(st.floats(0, 1), st.integers(0, 40)),
    inserted=st.text(max_size=20) | st.sampled_from(["<", ">", "&", "]]>", "<!--", "<?", '"', "<!DOCTYPE a>", "\x00"]),
)
def test_a_model_with_text_cut_out_and_put_in_is_read_or_refused(
    model: str, cut: tuple[float, int], inserted: str
) -> None:
    begin = int(cut[0] * len(model))
    read_or_refused(model[:begin] + inserted + model[begin + cut[1] :])


@settings(max_examples=200, deadline=None)
@given(xml=st.text(max_size=200))
def test_any_text_is_refused_in_words(xml: str) -> None:
    assert read_or_refused(xml) is None


def test_the_mutations_do_not_only_make_models_that_are_refused() -> None:
    chance = Random(1)
    outcomes = []
    for _ in range(100):
        root = etree.fromstring(chance.choice(MODELS).encode())
        mutate(root, chance)
        outcomes.append(read_or_refused(etree.tostring(root, encoding="unicode")) is not None)
    assert 0 < sum(outcomes) < len(outcomes)
