"""What the reader takes from a model: elements, flows, names, the participant; and what it leaves out."""

from pathlib import Path

import pytest

from domain.bpmn.elements import ELEMENTS
from domain.bpmn.graph import Element, ElementType, Participant, SequenceFlow
from domain.bpmn.reader import read_process, reread_process
from domain.rejection import InvalidModel
from tests.bpmn.refusing import document, element

MODELS = sorted((Path(__file__).parent / "models").glob("*.bpmn"))


def model(name: str) -> str:
    return (Path(__file__).parent / "models" / f"{name}.bpmn").read_text(encoding="utf-8")


def flow_ids(flows: tuple[SequenceFlow, ...]) -> list[str]:
    return [flow.id for flow in flows]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_each_of_our_own_models_is_read(path: Path) -> None:
    process_id = "selling" if path.stem == "collaboration" else path.stem
    assert read_process(path.read_text(encoding="utf-8"), process_id).bpmn_process_id == process_id


def test_our_own_models_have_every_element_that_the_engine_runs() -> None:
    processes = [(path, "selling" if path.stem == "collaboration" else path.stem) for path in MODELS]
    types = {
        element.type
        for path, process_id in processes
        for element in read_process(path.read_text(encoding="utf-8"), process_id).elements
    }
    assert types == set(ELEMENTS)


def test_elements_are_listed_process_first_and_then_breadth_first() -> None:
    elements = read_process(model("nested_sub_processes"), "nested_sub_processes").elements
    assert [(element.bpmn_id, element.parent) for element in elements] == [
        ("nested_sub_processes", ""),
        ("begun", "nested_sub_processes"),
        ("middle", "nested_sub_processes"),
        ("done", "nested_sub_processes"),
        ("mid_begun", "middle"),
        ("deep", "middle"),
        ("mid_done", "middle"),
        ("deep_begun", "deep"),
        ("deep_work", "deep"),
        ("deep_done", "deep"),
    ]


def test_an_element_has_its_type_name_flows_and_default_flow() -> None:
    elements = read_process(model("exclusive_gateway"), "exclusive_gateway").elements
    assert elements[2] == Element(
        bpmn_id="how_much",
        type=ElementType.EXCLUSIVE_GATEWAY,
        name="How much?",
        parent="exclusive_gateway",
        incoming=(SequenceFlow("to_how_much", "begun", "how_much"),),
        outgoing=(SequenceFlow("to_board", "how_much", "ask_board"), SequenceFlow("to_clerk", "how_much", "ask_clerk")),
        default="to_clerk",
    )


def test_a_flow_is_known_from_its_source_and_target_reference_alone() -> None:
    begun = element('<startEvent id="a"/><endEvent id="b"/><sequenceFlow id="f" sourceRef="a" targetRef="b"/>', "a")
    assert begun.outgoing == (SequenceFlow("f", "a", "b"),)


def test_a_flow_is_known_from_incoming_and_outgoing_alone() -> None:
    content = """
        <startEvent id="a"><outgoing>
            f </outgoing></startEvent>
        <endEvent id="b"><incoming>f</incoming></endEvent>"""
    assert element(content, "b").incoming == (SequenceFlow("f", "a", "b"),)


@pytest.mark.parametrize(
    "content",
    [
        '<startEvent id="a"><outgoing>f</outgoing></startEvent><endEvent id="b"/><sequenceFlow id="f" targetRef="b"/>',
        '<startEvent id="a"/><endEvent id="b"><incoming>f</incoming></endEvent><sequenceFlow id="f" sourceRef="a"/>',
        """<startEvent id="a"><outgoing>f</outgoing></startEvent><endEvent id="b"/>
        <sequenceFlow id="f" sourceRef="ghost" targetRef="b"/>""",
        """<startEvent id="a"/><endEvent id="b"><incoming>f</incoming></endEvent>
        <sequenceFlow id="f" sourceRef="a" targetRef="ghost"/>""",
    ],
)
def test_a_flow_is_known_from_one_side_of_each_kind(content: str) -> None:
    assert element(content, "b").incoming == (SequenceFlow("f", "a", "b"),)


def test_the_order_of_outgoing_children_decides_and_flows_without_one_come_after_in_document_order() -> None:
    fork = element(
        """<startEvent id="s"/>
        <parallelGateway id="g"><outgoing>f3</outgoing><outgoing>f1</outgoing></parallelGateway>
        <task id="t1"><incoming>f1</incoming></task><task id="t2"/><task id="t3"/><task id="t4"/>
        <sequenceFlow id="f0" sourceRef="s" targetRef="g"/>
        <sequenceFlow id="f4" sourceRef="g" targetRef="t4"/>
        <sequenceFlow id="f1" sourceRef="g" targetRef="t1"/>
        <sequenceFlow id="f2" sourceRef="g" targetRef="t2"/>
        <sequenceFlow id="f3" sourceRef="g" targetRef="t3"/>""",
        "g",
    )
    assert flow_ids(fork.outgoing) == ["f3", "f1", "f4", "f2"]


def test_a_flow_named_twice_by_the_same_element_is_one_flow() -> None:
    content = """<startEvent id="a"><outgoing>f</outgoing><outgoing>f</outgoing></startEvent>
        <endEvent id="b"><incoming>f</incoming></endEvent>"""
    assert flow_ids(element(content, "a").outgoing) == ["f"]


@pytest.mark.parametrize("prefix", ["", "bpmn:", "semantic:", "bpmn2:"])
def test_any_namespace_prefix_works(prefix: str) -> None:
    declaration = f"xmlns{':' * bool(prefix)}{prefix.rstrip(':')}"
    xml = (
        f'<{prefix}definitions {declaration}="http://www.omg.org/spec/BPMN/20100524/MODEL">'
        f'<{prefix}process id="p" isExecutable="true"><{prefix}startEvent id="s"/></{prefix}process>'
        f"</{prefix}definitions>"
    )
    assert [element.bpmn_id for element in read_process(xml, "p").elements] == ["p", "s"]


@pytest.mark.parametrize("prolog", ["", '<?xml version="1.0"?><!-- <x:y/> -->\n'])
def test_a_prefix_need_not_be_declared(prolog: str) -> None:
    xml = (
        f'{prolog}<bpmn:definitions id="d"><bpmn:process id="p" isExecutable="true" tool:version="7"><tool:note/>'
        '<bpmn:startEvent id="s"><bpmn:outgoing>f</bpmn:outgoing></bpmn:startEvent>'
        '<bpmn:sequenceFlow id="f" sourceRef="s" targetRef="e"/><bpmn:endEvent id="e" name="a b:c = d"/>'
        "</bpmn:process></bpmn:definitions>"
    )
    assert [element.bpmn_id for element in read_process(xml, "p").elements] == ["p", "s", "e"]


def test_what_an_event_refers_to_may_have_an_undeclared_prefix() -> None:
    xml = document('<endEvent id="x"><signalEventDefinition signalRef="s"/></endEvent>')
    xml = xml.replace("</definitions>", '<bpmn:signal id="s" name="news"/></definitions>')
    (_, end) = read_process(xml, "p").elements
    assert end.definition is not None
    assert end.definition.signal_name == "news"


def test_references_may_be_qualified_names() -> None:
    xml = """<definitions xmlns:own="http://example.org/own">
        <collaboration id="c"><participant id="x" processRef="own:p"/></collaboration>
        <process id="p" isExecutable="true">
            <startEvent id="a"><outgoing>own:f</outgoing></startEvent><endEvent id="b"/>
            <sequenceFlow id="f" sourceRef="a" targetRef="b"/></process></definitions>"""
    process = read_process(xml, "p")
    assert flow_ids(process.elements[1].outgoing) == ["f"]
    assert process.participant.id == "x"


def test_an_id_with_a_colon_stays_as_it_is() -> None:
    content = (
        '<startEvent id="x:a"><outgoing>x:f</outgoing></startEvent><endEvent id="b"><incoming>x:f</incoming></endEvent>'
    )
    assert element(content, "b").incoming == (SequenceFlow("x:f", "x:a", "b"),)


def test_the_participant_is_the_one_that_refers_to_the_process() -> None:
    xml = model("collaboration")
    assert read_process(xml, "selling").participant == Participant("sale", "shop", "Shop & Sons")
    assert read_process(xml, "delivering").participant == Participant("sale", "courier", "Courier")
    assert read_process(model("task"), "task").participant == Participant()


@pytest.mark.parametrize(
    "declaration",
    ['<?xml version="1.0" encoding="UTF-16"?>', '<?xml version="1.0" encoding="no such thing"?>', "\ufeff", "\n  "],
)
def test_the_encoding_that_the_declaration_names_is_ignored(declaration: str) -> None:
    xml = declaration + document('<startEvent id="s" name="Größe 中 🙂"/>').strip()
    if "no such" in declaration:
        xml = xml.replace("no such thing", "no-such-thing")
    assert read_process(xml, "p").elements[1].name == "Größe 中 🙂"


def test_comments_instructions_and_cdata_do_not_disturb() -> None:
    content = """<?tool x?><startEvent id="a"><!-- <endEvent/> --><outgoing>f<!-- no -->1</outgoing></startEvent>
        <endEvent id="b"><incoming><![CDATA[ f1 ]]></incoming></endEvent>"""
    assert flow_ids(element(content, "a").outgoing) == ["f1"]


def test_what_is_not_part_of_the_flow_is_left_out() -> None:
    xml = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:tool="http://example.org/tool">
      <itemDefinition id="i"/><message id="m" name="M"/>
      <process id="p" isExecutable="true">
        <documentation>About <tool:b xmlns:tool="x">it</tool:b></documentation>
        <extensionElements><tool:userTask id="no"/><userTask id="nor this"/></extensionElements>
        <tool:settings id="also not"/>
        <ioSpecification id="io"><dataInput id="din"/><inputSet/><outputSet/></ioSpecification>
        <property id="prop"/>
        <laneSet id="ls"><lane id="lane"><flowNodeRef>s</flowNodeRef><childLaneSet/></lane></laneSet>
        <dataObject id="do"/><dataObjectReference id="dor" dataObjectRef="do"/><dataStoreReference id="dsr"/>
        <startEvent id="s"><extensionElements/><outgoing>f</outgoing></startEvent>
        <serviceTask id="t" startQuantity="1" completionQuantity="1" isForCompensation="false">
          <documentation/><incoming>f</incoming><ioSpecification/><property/>
          <dataInputAssociation id="dia"><sourceRef>do</sourceRef><targetRef>din</targetRef></dataInputAssociation>
          <dataOutputAssociation id="doa"/><resourceRole/><potentialOwner/>
        </serviceTask>
        <sequenceFlow id="f" sourceRef="s" targetRef="t"><conditionExpression>x = 1</conditionExpression></sequenceFlow>
        <textAnnotation id="ta"><text>note</text></textAnnotation><association id="as"/><group id="gr"/>
      </process></definitions>"""
    assert [element.bpmn_id for element in read_process(xml, "p").elements] == ["p", "s", "t"]


@pytest.mark.parametrize("left", ["<outgoing>f</outgoing>", "<incoming>f</incoming>", "<outgoing>g</outgoing>"])
def test_a_flow_that_an_editor_left_at_the_process_itself_says_nothing(left: str) -> None:
    content = '<startEvent id="a"/><endEvent id="b"/><sequenceFlow id="f" sourceRef="a" targetRef="b"/>'
    assert element(content + left, "b").incoming == (SequenceFlow("f", "a", "b"),)


def test_ids_and_references_are_taken_without_the_white_space_around_them() -> None:
    content = '<startEvent id=" a "/><endEvent id="b"/><sequenceFlow id="f" sourceRef="a" targetRef=" b"/>'
    assert element(content, "a").outgoing == (SequenceFlow("f", "a", "b"),)


def test_a_process_without_a_start_event_is_deployed_though_it_cannot_be_started() -> None:
    assert len(read_process(document('<task id="t"/>'), "p").elements) == 2


def test_reading_twice_gives_the_same_model() -> None:
    xml = model("parallel_gateway")
    assert read_process(xml, "parallel_gateway") == read_process(xml, "parallel_gateway")


def test_a_model_that_was_accepted_once_is_read_again_whatever_is_refused_today() -> None:
    xml = document('<userTask id="u"/>', executable="false")
    with pytest.raises(InvalidModel):
        read_process(xml, "p")
    assert reread_process(xml, "p").elements[1] == Element("u", ElementType.USER_TASK, parent="p")
