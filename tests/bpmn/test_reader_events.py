"""What the reader knows about events: what they catch or throw, what they are attached to, what they interrupt."""

import pytest

from domain.bpmn.graph import ElementType, EventDefinition
from tests.bpmn.refusing import document, element, event, flow, link, read

ROOTS = """
    <error id="e" name="Refused" errorCode="REFUSED"/><error id="any_e" name="Any"/>
    <escalation id="c" name="Late" escalationCode="LATE"/><escalation id="any_c"/>
    <message id="m" name="paid"/><message id="nameless_m"/>
    <signal id="s" name="alarm"/><signal id="nameless_s" name=""/>
"""

DEFINED = {
    "error": ("e", EventDefinition(error_code="REFUSED")),
    "escalation": ("c", EventDefinition(escalation_code="LATE")),
    "message": ("m", EventDefinition(message_name="paid")),
    "signal": ("s", EventDefinition(signal_name="alarm")),
}
EVENTS = [
    *[("boundaryEvent", kind) for kind in DEFINED],
    *[("intermediateCatchEvent", kind) for kind in ("message", "signal")],
    *[("intermediateThrowEvent", kind) for kind in ("escalation", "signal")],
    *[("startEvent", kind) for kind in ("message", "signal")],
    *[("endEvent", kind) for kind in ("error", "escalation", "signal")],
]


@pytest.mark.parametrize(("tag", "kind"), EVENTS)
@pytest.mark.parametrize("prefix", ["", "own:"])
def test_an_event_has_the_code_or_name_that_it_refers_to(tag: str, kind: str, prefix: str) -> None:
    ref, definition = DEFINED[kind]
    content = '<serviceTask id="t"/>' + event(tag, kind, ref=prefix + ref)
    assert element(content, beside=ROOTS).definition == definition


@pytest.mark.parametrize(("tag", "kind"), EVENTS)
@pytest.mark.parametrize("ref", ["", "ghost"])
def test_the_definition_of_an_event_that_refers_to_nothing_is_open(tag: str, kind: str, ref: str) -> None:
    content = '<serviceTask id="t"/>' + event(tag, kind, ref=ref)
    assert element(content, beside=ROOTS).definition is None


@pytest.mark.parametrize(("kind", "ref"), [("error", "any_e"), ("escalation", "any_c")])
def test_a_reference_to_an_error_or_escalation_without_a_code_is_one_to_any(kind: str, ref: str) -> None:
    content = '<serviceTask id="t"/>' + event("boundaryEvent", kind, ref=ref)
    assert element(content, beside=ROOTS).definition == EventDefinition()


@pytest.mark.parametrize(("kind", "ref"), [("message", "nameless_m"), ("signal", "nameless_s")])
def test_a_reference_to_a_message_or_signal_without_a_name_leaves_the_definition_open(kind: str, ref: str) -> None:
    assert element(event("intermediateCatchEvent", kind, ref=ref), beside=ROOTS).definition is None


@pytest.mark.parametrize("tag", ["intermediateThrowEvent", "endEvent"])
def test_a_message_that_a_worker_sends_needs_no_definition(tag: str) -> None:
    assert element(event(tag, "message", ref="m"), beside=ROOTS).definition is None


def test_a_reference_means_what_is_of_its_own_kind_only() -> None:
    assert element(event("startEvent", "message", ref="s"), beside=ROOTS).definition is None


def test_a_receive_task_waits_for_the_message_that_it_refers_to() -> None:
    task = element('<receiveTask id="x" messageRef="m"/>', beside=ROOTS)
    assert (task.type, task.definition) == (ElementType.RECEIVE_TASK, EventDefinition(message_name="paid"))
    assert element('<receiveTask id="x"/>', beside=ROOTS).definition is None


def test_a_send_task_has_no_definition() -> None:
    assert element('<sendTask id="x" messageRef="m"/>', beside=ROOTS).definition is None


@pytest.mark.parametrize("prefix", ["", "own:"])
def test_a_boundary_event_is_attached_to_its_activity_by_id(prefix: str) -> None:
    content = f"""<serviceTask id="t"/>
        <boundaryEvent id="x" attachedToRef="{prefix}t"><timerEventDefinition/></boundaryEvent>"""
    assert element(content).attached_to == "t"
    assert element(content, "t").attached_to == ""


@pytest.mark.parametrize("kind", ["escalation", "message", "signal", "timer"])
@pytest.mark.parametrize(
    ("attributes", "interrupting"),
    [
        ("", True),
        (' cancelActivity="true"', True),
        (' cancelActivity="false"', False),
        (' cancelActivity="0"', False),
        (' isInterrupting="false"', True),
    ],
)
def test_a_boundary_event_interrupts_unless_the_model_says_otherwise(
    kind: str, attributes: str, *, interrupting: bool
) -> None:
    content = '<serviceTask id="t"/>' + event("boundaryEvent", kind, attributes=attributes)
    assert element(content).interrupting is interrupting


def test_an_error_boundary_event_interrupts_whatever_the_model_says() -> None:
    content = '<serviceTask id="t"/>' + event("boundaryEvent", "error", attributes=' cancelActivity="false"')
    assert element(content).interrupting


def test_link_events_have_the_name_of_their_link() -> None:
    content = link("intermediateThrowEvent", "a", "there") + link("intermediateCatchEvent", "b", "there")
    assert [element.link for element in read(document(content)).elements[1:]] == ["there", "there"]


def test_a_call_activity_has_what_it_calls_as_it_is_written() -> None:
    assert element('<callActivity id="x" calledElement=" other:1 "/>').called == "other:1"
    assert element('<callActivity id="x"/>').called == ""
    assert element('<task id="x" calledElement="other"/>').called == ""


def test_an_end_event_may_terminate() -> None:
    assert element(event("endEvent", "terminate")).type is ElementType.TERMINATE_END_EVENT


def triggered(start: str, attributes: str = "") -> str:
    return f'<subProcess id="x" triggeredByEvent="true"{attributes}>{start}</subProcess>'


STARTS = {
    "error": ElementType.ERROR_START_EVENT,
    "escalation": ElementType.ESCALATION_START_EVENT,
    "message": ElementType.MESSAGE_START_EVENT,
    "signal": ElementType.SIGNAL_START_EVENT,
    "timer": ElementType.TIMER_START_EVENT,
}


@pytest.mark.parametrize(("kind", "element_type"), STARTS.items())
def test_an_event_sub_process_is_started_by_an_event(kind: str, element_type: ElementType) -> None:
    elements = read(document(triggered(event("startEvent", kind, "s")))).elements
    assert [(element.bpmn_id, element.parent, element.type) for element in elements[1:]] == [
        ("x", "p", ElementType.EVENT_SUB_PROCESS),
        ("s", "x", element_type),
    ]


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.parametrize(("attributes", "interrupting"), [("", True), (' isInterrupting="false"', False)])
def test_the_start_event_of_an_event_sub_process_says_whether_it_interrupts(
    kind: str, attributes: str, *, interrupting: bool
) -> None:
    content = triggered(event("startEvent", kind, "s", attributes))
    assert element(content, "s").interrupting is (interrupting or kind == "error")


def test_the_start_event_of_a_process_has_nothing_to_interrupt() -> None:
    assert element(event("startEvent", "timer", attributes=' isInterrupting="false"')).interrupting


def test_an_event_sub_process_may_lie_in_any_scope() -> None:
    inner = triggered(event("startEvent", "error", "s") + '<task id="t"/>' + flow("f", "s", "t"))
    elements = read(document(f'<subProcess id="u"><startEvent id="i"/>{inner}</subProcess>')).elements
    assert [(element.bpmn_id, element.parent) for element in elements[2:]] == [
        ("i", "u"),
        ("x", "u"),
        ("s", "x"),
        ("t", "x"),
    ]
