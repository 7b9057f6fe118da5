"""Event sub-processes and links that are refused at deployment."""

import pytest

from tests.bpmn.refusing import causes, details, document, event, flow, link, refusal

START = event("startEvent", "error", "s")


def triggered(content: str, outside: str = "") -> str:
    return f'<subProcess id="x" triggeredByEvent="true">{content}</subProcess>{outside}'


@pytest.mark.parametrize("starts", ["", START + event("startEvent", "timer", "s2"), START + '<startEvent id="n"/>'])
def test_an_event_sub_process_has_exactly_one_start_event(starts: str) -> None:
    assert ("/p/x", "element", "event sub-process x has no or multiple start events") in causes(triggered(starts))


def test_an_event_sub_process_is_not_started_by_a_none_start_event() -> None:
    detail = "cannot be started by NONE_START_EVENT: not an error, escalation, message, signal or timer start event"
    assert causes(triggered('<startEvent id="s"/>')) == [("/p/x/s", "element", f"event sub-process x {detail}")]


@pytest.mark.parametrize(
    ("between", "side"),
    [(flow("f", "t", "x"), "incoming"), (flow("f", "x", "t"), "outgoing")],
)
def test_an_event_sub_process_has_no_sequence_flows(between: str, side: str) -> None:
    content = triggered(START, f'<task id="t"/>{between}')
    assert causes(content) == [("/p/x", "element", f"event sub-process x has {side} sequence flows")]


def test_an_event_sub_process_has_no_boundary_events() -> None:
    content = triggered(START, '<boundaryEvent id="b" attachedToRef="x"><timerEventDefinition/></boundaryEvent>')
    assert details(content) == ["boundary event b is not attached"]


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("multiInstanceLoopCharacteristics", "multi-instance marker"),
        ("standardLoopCharacteristics", "loop marker"),
    ],
)
def test_an_event_sub_process_has_no_markers(marker: str, words: str) -> None:
    assert details(triggered(f"<{marker}/>{START}")) == [f"element x is not supported: {words}"]


@pytest.mark.parametrize("kind", ["error", "escalation"])
def test_errors_and_escalations_start_event_sub_processes_only(kind: str) -> None:
    outcome = f"cannot be started by {kind.upper()}_START_EVENT"
    assert details(event("startEvent", kind)) == [f"process p {outcome}: not in an event sub-process"]
    inside = f'<subProcess id="u"><startEvent id="i"/>{event("startEvent", kind)}</subProcess>'
    assert details(inside) == [f"sub-process u {outcome}: not a none start event"]


def test_a_link_throw_event_goes_on_at_its_link_and_nowhere_else() -> None:
    content = (
        link("intermediateThrowEvent", "a", "there")
        + link("intermediateCatchEvent", "b", "there")
        + flow("f", "a", "b")
    )
    assert details(content) == ["link throw event a has outgoing sequence flows"]


def test_an_event_with_two_definitions_is_refused_wherever_it_stands() -> None:
    both = "<messageEventDefinition/><signalEventDefinition/>"
    starts = f'<startEvent id="s">{both}</startEvent>'
    assert "element s is not supported: multiple start event" in details(triggered(starts))
    catching = f'<intermediateCatchEvent id="c">{both}</intermediateCatchEvent>'
    assert details(catching) == ["element c is not supported: multiple catch event"]


def test_no_document_can_name_the_tag_of_an_event_sub_process() -> None:
    assert "BPMN XML is invalid" in refusal(document('<event subProcess id="x"/>')).detail
