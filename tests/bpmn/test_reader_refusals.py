"""What is refused at deployment: all problems at once, with pointer, type and words (contracts/engine.md 2.3)."""

import pytest

from domain.bpmn.graph import ElementType
from domain.bpmn.reader import read_process
from domain.bpmn.reader.vocabulary import EVENT_SUB_PROCESS, TYPES
from domain.rejection import Cause, InvalidModel
from tests.bpmn.refusing import causes, details, document, event, flow, link, read, refusal

#: Two ways out of an event-based gateway x.
AHEAD = "".join(event("intermediateCatchEvent", "timer", name) + flow(f"to_{name}", "x", name) for name in "ab")


def test_a_document_without_the_process_names_those_it_has() -> None:
    xml = '<definitions><process id="a"/><process id="b"/></definitions>'
    assert refusal(xml, "x").detail == "BPMN model has no process x, but [a, b]"
    assert refusal("<definitions/>", "x").detail == "BPMN model has no process x, but []"


def test_two_processes_of_one_id_are_refused() -> None:
    xml = '<definitions><process id="p"/><process id="p"/></definitions>'
    assert refusal(xml).detail == "BPMN XML is invalid: several processes have the id p"


@pytest.mark.parametrize("executable", ["false", "", "yes"])
def test_a_process_that_is_not_executable_is_refused(executable: str) -> None:
    refused = refusal(document("", executable=executable))
    assert refused.detail == "BPMN process is invalid"
    assert refused.causes == (Cause("/p", "process", "process p is not executable"),)


@pytest.mark.parametrize("executable", ["true", "1", " TRUE "])
def test_a_process_that_is_executable_is_read(executable: str) -> None:
    assert read_process(document("", executable=executable), "p").bpmn_process_id == "p"


def test_a_process_has_at_most_one_none_start_event() -> None:
    assert causes('<startEvent id="a"/><startEvent id="b"/>') == [
        ("/p", "process", "process p has multiple none start events")
    ]


@pytest.mark.parametrize(("tag", "definition"), [key for key in TYPES if key[0] != EVENT_SUB_PROCESS])
def test_an_element_that_the_engine_does_not_run_is_refused_by_name(tag: str, definition: str) -> None:
    words = TYPES[tag, definition].value.replace("_", " ").lower()
    words = words.replace("event based", "event-based").replace("sub process", "sub-process")
    with pytest.raises(InvalidModel) as refused:
        read_process(document(f'<task id="t"/>{event(tag, definition)}'), "p", runnable={ElementType.PROCESS})
    assert Cause("/p/x", "element", f"element x is not supported: {words}") in refused.value.causes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('<complexGateway id="x"/>', "complex gateway"),
        ('<adHocSubProcess id="x"/>', "ad-hoc sub-process"),
        ('<implicitThrowEvent id="x"/>', "none implicit throw event"),
        ('<callChoreography id="x"/>', "call choreography"),
        ('<process id="x"/>', "process"),
        (event("startEvent", "conditional"), "conditional start event"),
        (event("startEvent", "compensate"), "compensation start event"),
        (event("boundaryEvent", "cancel") + '<task id="t"/>', "cancel boundary event"),
        ('<eventBasedGateway id="x" instantiate="true"/>' + AHEAD, "instantiating element"),
        ('<receiveTask id="x" instantiate="true"/>', "instantiating element"),
        ('<eventBasedGateway id="x" eventGatewayType="Parallel"/>' + AHEAD, "gateway of parallel events"),
        (event("intermediateCatchEvent", "conditional"), "conditional catch event"),
        (event("intermediateThrowEvent", "compensate"), "compensation throw event"),
        (event("endEvent", "cancel"), "cancel end event"),
        (event("endEvent", "compensate"), "compensation end event"),
        ('<endEvent id="x"><oddEventDefinition/></endEvent>', "odd end event"),
        ('<endEvent id="x"><eventDefinitionRef>y</eventDefinitionRef></endEvent>', "referenced end event"),
        (
            '<endEvent id="x"><messageEventDefinition/><signalEventDefinition/></endEvent>',
            "multiple end event",
        ),
        ('<serviceTask id="x"><standardLoopCharacteristics/></serviceTask>', "loop marker"),
        ('<serviceTask id="x" isForCompensation="true"/>', "compensation activity"),
        ('<serviceTask id="x" startQuantity="2"/>', "start quantity"),
        ('<serviceTask id="x" completionQuantity="0"/>', "completion quantity"),
        ('<serviceTask id="x"><userTask id="y"/></serviceTask>', "user task inside a service task"),
    ],
)
def test_what_would_change_how_an_element_runs_is_refused_and_not_passed_over(content: str, words: str) -> None:
    assert causes(content) == [("/p/x", "element", f"element x is not supported: {words}")]


def test_flows_to_and_from_what_is_no_flow_node_lack_an_end() -> None:
    content = '<startEvent id="s"/><odd id="x"/><endEvent id="e"/>' + flow("f", "s", "x") + flow("g", "x", "e")
    assert causes(content) == [
        ("/p/f", "sequence_flow", "sequence flow f has no target element: odd x is not supported"),
        ("/p/g", "sequence_flow", "sequence flow g has no source element: odd x is not supported"),
    ]


def test_what_is_inside_a_refused_scope_is_looked_at_too() -> None:
    assert details('<adHocSubProcess id="t"><complexGateway id="u"/></adHocSubProcess>') == [
        "element t is not supported: ad-hoc sub-process",
        "element u is not supported: complex gateway",
    ]


@pytest.mark.parametrize("inner", ["", "<oddEventDefinition/>", "<outgoing/>"])
@pytest.mark.parametrize(
    ("tag", "words"),
    [("boundaryEvent", "boundary event"), ("intermediateCatchEvent", "intermediate catch event")],
)
def test_an_event_without_its_definition_makes_the_document_invalid(tag: str, words: str, inner: str) -> None:
    refused = refusal(document(f'<serviceTask id="t"/><{tag} id="x" attachedToRef="t">{inner}</{tag}><task/>'))
    assert refused.detail == f"BPMN XML is invalid: {words} x has no event definition"
    assert refused.causes == (
        Cause("/p/x", "element", f"{words} x has no event definition"),
        Cause("/p/", "element", "element of type TASK has no ID"),
    )


def test_an_element_needs_an_id() -> None:
    assert causes('<serviceTask/><subProcess id="s"><startEvent/></subProcess>') == [
        ("/p/", "element", "element of type SERVICE_TASK has no ID"),
        ("/p/s/", "element", "element of type NONE_START_EVENT has no ID"),
    ]


def test_an_element_needs_an_id_of_its_own_within_the_process() -> None:
    content = '<task id="a"/><subProcess id="s"><startEvent id="a"/><task id="p"/></subProcess><task id="a"/>'
    assert causes(content) == [
        ("/p/a", "element", "element id a is not unique"),
        ("/p/s/a", "element", "element id a is not unique"),
        ("/p/s/p", "element", "element id p is not unique"),
    ]


def test_ids_may_be_used_again_in_another_process_of_the_document() -> None:
    xml = """<definitions><process id="p" isExecutable="true"><task id="a"/></process>
        <process id="q" isExecutable="true"><task id="a"/></process></definitions>"""
    assert [read_process(xml, process_id).elements[1].parent for process_id in "pq"] == ["p", "q"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<task id="a"><incoming>f</incoming></task>', [("/p/f", "has no source element")]),
        ('<task id="a"><outgoing>f</outgoing></task>', [("/p/f", "has no target element")]),
        ('<task id="a"/>' + flow("f", "a", "ghost"), [("/p/f", "has no target element")]),
        ('<task id="a"/>' + flow("f", "ghost", "a"), [("/p/f", "has no source element")]),
        ('<dataObject id="d"/><task id="a"/>' + flow("f", "a", "d"), [("/p/f", "has no target element")]),
        (
            '<sequenceFlow id="f"/>',
            [("/p/f", "has no source element"), ("/p/f", "has no target element")],
        ),
        (
            '<task id="a"><outgoing>f</outgoing></task><task id="b"/><task id="c"/>' + flow("f", "b", "c"),
            [("/p/f", "has several source elements [a, b]")],
        ),
        (
            '<task id="a"/><task id="b"/><task id="c"><incoming>f</incoming></task>' + flow("f", "a", "b"),
            [("/p/f", "has several target elements [c, b]")],
        ),
        (
            '<task id="a"/><task id="b"/>' + flow("f", "a", "b") * 2,
            [("/p/f", "is not unique")],
        ),
        (
            '<subProcess id="s"><startEvent id="a"/></subProcess><task id="b"/>' + flow("f", "a", "b"),
            [("/p/s/f", "leaves its scope")],
        ),
        (
            f'<subProcess id="s"><startEvent id="a"/>{flow("f", "s", "a")}</subProcess>',
            [("/p/f", "leaves its scope")],
        ),
    ],
)
def test_a_sequence_flow_goes_from_one_element_to_one_other_in_the_same_scope(
    content: str, expected: list[tuple[str, str]]
) -> None:
    found = [cause for cause in causes(content) if cause[1] == "sequence_flow"]
    assert found == [(pointer, "sequence_flow", f"sequence flow f {what}") for pointer, what in expected]


def test_a_sequence_flow_needs_an_id() -> None:
    assert causes('<task id="a"/><task id="b"/><sequenceFlow sourceRef="a" targetRef="b"/>') == [
        ("/p/", "sequence_flow", "sequence flow from a to b has no ID")
    ]


@pytest.mark.parametrize("tag", ["exclusiveGateway", "inclusiveGateway"])
def test_the_default_flow_of_a_gateway_is_one_of_its_outgoing_flows(tag: str) -> None:
    content = f'<{tag} id="g" default="f2"/><task id="a"/>{flow("f1", "g", "a")}{flow("f2", "a", "g")}'
    words = "exclusive gateway" if tag == "exclusiveGateway" else "inclusive gateway"
    assert f"{words} g has no default sequence flow f2" in details(content)
    assert not [text for text in details(content.replace('"f2"', '"f1"', 1)) if "default" in text and "f1" in text]


def test_an_inclusive_gateway_may_join() -> None:
    content = '<task id="a"/><task id="b"/><inclusiveGateway id="g"/>' + flow("f1", "a", "g") + flow("f2", "b", "g")
    assert len(read(document(content)).elements[3].incoming) == 2


def test_an_event_based_gateway_leads_to_two_or_more_catch_events() -> None:
    assert "event-based gateway g must have at least 2 outgoing sequence flows" in details(
        '<eventBasedGateway id="g"/>'
    )
    content = (
        '<eventBasedGateway id="g"/><task id="a"/>'
        + event("intermediateCatchEvent", "timer", "b")
        + flow("f1", "g", "a")
        + flow("f2", "g", "b")
    )
    assert "event-based gateway g cannot be followed by TASK" in details(content)
    assert not [text for text in details(content) if "TIMER_CATCH_EVENT" in text or "at least" in text]


@pytest.mark.parametrize("starts", ["", '<startEvent id="a"/><startEvent id="b"/>'])
def test_a_sub_process_has_exactly_one_none_start_event(starts: str) -> None:
    assert causes(f'<subProcess id="s">{starts}</subProcess>') == [
        ("/p/s", "element", "sub-process s has no or multiple none start events")
    ]


def test_a_sub_process_is_not_started_by_an_event_that_something_triggers() -> None:
    content = f'<subProcess id="s"><startEvent id="a"/>{event("startEvent", "timer", "b")}</subProcess>'
    assert causes(content) == [
        ("/p/s/b", "element", "sub-process s cannot be started by TIMER_START_EVENT: not a none start event"),
    ]


@pytest.mark.parametrize("attached_to", ["", "ghost", "s", "g", "inner"])
def test_a_boundary_event_is_attached_to_an_activity_of_its_scope(attached_to: str) -> None:
    content = f"""<startEvent id="s"/><exclusiveGateway id="g"/><serviceTask id="t"/>
        <subProcess id="sub"><startEvent id="i"/><serviceTask id="inner"/></subProcess>
        <boundaryEvent id="x" attachedToRef="{attached_to}"><errorEventDefinition/></boundaryEvent>"""
    assert ("/p/x", "element", "boundary event x is not attached") in causes(content)
    for attached in ("t", "sub"):
        read(document(content.replace(f'"{attached_to}"><error', f'"{attached}"><error')))


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ('<startEvent id="x"/><task id="t"/>' + flow("f", "t", "x"), "start event x has incoming sequence flows"),
        ('<endEvent id="x"/><task id="t"/>' + flow("f", "x", "t"), "end event x has outgoing sequence flows"),
        (
            event("boundaryEvent", "error") + '<serviceTask id="t"/>' + flow("f", "t", "x"),
            "boundary event x has incoming sequence flows",
        ),
    ],
)
def test_events_have_flows_on_their_open_side_only(content: str, detail: str) -> None:
    assert detail in details(content)


def test_a_link_is_caught_once_in_the_process_and_in_the_scope_that_throws_it() -> None:
    throw, catch = "intermediateThrowEvent", "intermediateCatchEvent"
    content = (
        link(catch, "c1", "A")
        + link(catch, "c2", "A")
        + link(catch, "c3", "")
        + link(throw, "t1", "A")
        + link(throw, "t2", "B")
        + f'<subProcess id="s"><startEvent id="i"/>{link(throw, "t3", "A")}</subProcess>'
    )
    assert details(content) == [
        "link name A must be unique",
        "link name is empty",
        "no link catch event defined for link name B",
        "no link catch event defined for link name A in scope s",
    ]


def test_all_problems_come_at_once_and_in_the_order_of_the_elements() -> None:
    refused = refusal(
        document(
            '<startEvent/><complexGateway id="u"><outgoing>f</outgoing></complexGateway><startEvent id="b"/>',
            executable="0",
        )
    )
    assert refused.causes == (
        Cause("/p", "process", "process p is not executable"),
        Cause("/p/", "element", "element of type NONE_START_EVENT has no ID"),
        Cause("/p/u", "element", "element u is not supported: complex gateway"),
        Cause("/p/f", "sequence_flow", "sequence flow f has no target element"),
        Cause("/p", "process", "process p has multiple none start events"),
    )


def test_a_type_that_is_not_among_the_runnable_ones_is_refused() -> None:
    xml = document('<serviceTask id="t"/>')
    with pytest.raises(InvalidModel):
        read_process(xml, "p", runnable={ElementType.PROCESS})
    read = read_process(xml, "p", runnable={ElementType.PROCESS, ElementType.SERVICE_TASK})
    assert read.elements[1].type is ElementType.SERVICE_TASK
