"""What events are defined by: the deployment, or failing that the model, or else a job (contracts/engine.md 2.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.bpmn.graph import EventDefinition, Timer
from domain.processes.definitions import GivenDefinitions, resolve
from domain.processes.events import DeployedElement, ProcessDeployed
from domain.processes.process import NEW, evolve
from domain.rejection import InvalidInput
from tests.bpmn.refusing import document, event, read

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ROOTS = """<error id="e" errorCode="E1"/><escalation id="c" escalationCode="C1"/>
    <message id="m" name="M1"/><signal id="s" name="S1"/>"""
TASK = '<serviceTask id="t"/>'
HOURLY = "<timeCycle>@hourly</timeCycle>"


def resolved(content: str, given: GivenDefinitions | None = None) -> dict[str, EventDefinition]:
    model = read(document(content, beside=ROOTS))
    return dict(resolve(model, given or GivenDefinitions(), NOW))


def refused(content: str, given: GivenDefinitions | None = None) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as raised:
        resolved(content, given)
    assert raised.value.title == "failed to create process"
    assert raised.value.detail == "invalid or missing event definitions"
    return [(cause.pointer, cause.type, cause.detail) for cause in raised.value.causes]


KINDS = {
    "error": (
        event("boundaryEvent", "error", ref="e") + TASK,
        EventDefinition(error_code="E1"),
        GivenDefinitions(errors={"x": "E2"}),
        EventDefinition(error_code="E2"),
    ),
    "escalation": (
        event("intermediateThrowEvent", "escalation", ref="c"),
        EventDefinition(escalation_code="C1"),
        GivenDefinitions(escalations={"x": "C2"}),
        EventDefinition(escalation_code="C2"),
    ),
    "message": (
        event("startEvent", "message", ref="m"),
        EventDefinition(message_name="M1"),
        GivenDefinitions(messages={"x": "M2"}),
        EventDefinition(message_name="M2"),
    ),
    "signal": (
        event("endEvent", "signal", ref="s"),
        EventDefinition(signal_name="S1"),
        GivenDefinitions(signals={"x": "S2"}),
        EventDefinition(signal_name="S2"),
    ),
    "timer": (
        event("intermediateCatchEvent", "timer", inside=HOURLY),
        EventDefinition(timer=Timer(cycle="@hourly")),
        GivenDefinitions(timers={"x": Timer(duration="PT1M")}),
        EventDefinition(timer=Timer(duration="PT1M")),
    ),
}


@pytest.mark.parametrize(("content", "of_the_model", "given", "of_the_deployment"), KINDS.values(), ids=KINDS)
def test_the_deployment_says_what_an_event_is_defined_by_and_failing_that_the_model(
    content: str, of_the_model: EventDefinition, given: GivenDefinitions, of_the_deployment: EventDefinition
) -> None:
    assert resolved(content) == {"x": of_the_model}
    assert resolved(content, given) == {"x": of_the_deployment}


def test_a_deployment_may_say_that_any_error_is_caught() -> None:
    given = GivenDefinitions(errors={"x": ""})
    assert resolved(event("boundaryEvent", "error", ref="e") + TASK, given) == {"x": EventDefinition()}


def test_a_receive_task_is_defined_by_a_message() -> None:
    assert resolved('<receiveTask id="x" messageRef="m"/>') == {"x": EventDefinition(message_name="M1")}
    given = GivenDefinitions(messages={"x": "M2"})
    assert resolved('<receiveTask id="x"/>', given) == {"x": EventDefinition(message_name="M2")}


@pytest.mark.parametrize("tag", ["intermediateThrowEvent", "endEvent"])
def test_the_name_of_a_message_that_a_worker_sends_is_taken_and_not_needed(tag: str) -> None:
    assert resolved(event(tag, "message"), GivenDefinitions(messages={"x": "M2"})) == {}


@pytest.mark.parametrize(
    "content",
    [
        event("intermediateCatchEvent", "message"),
        event("intermediateCatchEvent", "signal"),
        event("intermediateCatchEvent", "timer"),
        event("boundaryEvent", "error") + TASK,
        event("endEvent", "error"),
        event("intermediateThrowEvent", "escalation"),
        '<receiveTask id="x"/>',
    ],
)
def test_what_nobody_defines_is_left_to_a_job(content: str) -> None:
    assert resolved(content) == {}


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("message", "no message name defined for element x"),
        ("signal", "no signal name defined for element x"),
        ("timer", "no timer defined for BPMN element x"),
    ],
)
def test_a_start_event_of_the_process_needs_its_definition(kind: str, detail: str) -> None:
    assert refused(event("startEvent", kind)) == [("/p/x", f"{kind}_event", detail)]


def inside_event_sub_process(start: str) -> str:
    return f'<subProcess id="u" triggeredByEvent="true">{start}</subProcess>'


@pytest.mark.parametrize("kind", ["error", "escalation", "message"])
def test_the_start_event_of_an_event_sub_process_may_be_left_to_a_job(kind: str) -> None:
    assert resolved(inside_event_sub_process(event("startEvent", kind))) == {}


@pytest.mark.parametrize("kind", ["signal", "timer"])
def test_a_signal_or_timer_that_starts_an_event_sub_process_needs_its_definition(kind: str) -> None:
    ((pointer, cause_type, _),) = refused(inside_event_sub_process(event("startEvent", kind)))
    assert (pointer, cause_type) == ("/p/u/x", f"{kind}_event")


GIVEN = {
    "error": GivenDefinitions(errors={"x": "E"}),
    "escalation": GivenDefinitions(escalations={"x": "C"}),
    "message": GivenDefinitions(messages={"x": "M"}),
    "signal": GivenDefinitions(signals={"x": "S"}),
    "timer": GivenDefinitions(timers={"x": Timer(duration="PT1H")}),
}


@pytest.mark.parametrize(("kind", "given"), GIVEN.items())
def test_a_definition_of_another_kind_than_its_element_is_refused(kind: str, given: GivenDefinitions) -> None:
    article = "an" if kind in ("error", "escalation") else "a"
    scope = '<subProcess id="u"><startEvent id="x"/></subProcess>'
    assert refused(scope, given) == [("/p/u/x", f"{kind}_event", f"element x is not {article} {kind} event")]


@pytest.mark.parametrize(("kind", "given"), GIVEN.items())
def test_a_definition_of_an_element_that_is_not_there_is_refused(kind: str, given: GivenDefinitions) -> None:
    assert refused(TASK, given) == [("/p", f"{kind}_event", "process p has no element x")]


def test_a_name_that_is_given_is_not_empty() -> None:
    given = GivenDefinitions(messages={"x": ""}, signals={"y": ""})
    content = event("startEvent", "message", ref="m") + event("startEvent", "signal", "y", ref="s")
    assert refused(content, given) == [
        ("/p/x", "message_event", "message name is empty"),
        ("/p/y", "signal_event", "signal name is empty"),
    ]
    assert refused(event("endEvent", "message"), GivenDefinitions(messages={"x": ""})) == [
        ("/p/x", "message_event", "message name is empty")
    ]


@pytest.mark.parametrize(
    ("kind", "given", "what"),
    [
        ("error", GivenDefinitions(errors={"x": "e" * 256}), "error code"),
        ("escalation", GivenDefinitions(escalations={"x": "e" * 256}), "escalation code"),
        ("message", GivenDefinitions(messages={"x": "e" * 256}), "message name"),
        ("signal", GivenDefinitions(signals={"x": "e" * 256}), "signal name"),
    ],
)
def test_codes_and_names_have_at_most_255_characters(kind: str, given: GivenDefinitions, what: str) -> None:
    content = TASK + event("boundaryEvent", kind)
    assert refused(content, given) == [("/p/x", f"{kind}_event", f"{what} has more than 255 characters")]


@pytest.mark.parametrize("kind", ["message", "signal"])
def test_two_start_events_of_a_process_have_different_names(kind: str) -> None:
    content = event("startEvent", kind, "a", ref=kind[0]) + event("startEvent", kind, "b", ref=kind[0])
    name = f"{kind[0].upper()}1"
    assert refused(content) == [("/p/b", f"{kind}_event", f"start {kind} name {name} must be unique")]
    other = GivenDefinitions(messages={"b": "other"}) if kind == "message" else GivenDefinitions(signals={"b": "other"})
    assert len(resolved(content, other)) == 2


def test_a_name_may_be_that_of_a_start_event_and_of_any_other_event() -> None:
    start = event("startEvent", "message", "a", ref="m")
    others = event("intermediateCatchEvent", "message", "b", ref="m")
    others += inside_event_sub_process(event("startEvent", "message", "c", ref="m"))
    assert len(resolved(start + event("startEvent", "signal", "d", ref="s") + others)) == 4


@pytest.mark.parametrize(
    ("timer", "reason"),
    [
        (Timer(cycle="never"), "a cron expression has 5 to 7 fields"),
        (Timer(cycle="0 0 30 2 *"), "the cron expression is never due"),
        (Timer(cycle="R3/PT1H"), "a repeating interval has no number and no start: R/ and a duration, as in R/PT1H"),
        (Timer(duration="1 hour"), "1 hour is not an ISO 8601 duration"),
        (Timer(duration="P2001Y"), "the duration leads past the year 9999"),
        (Timer(), "must specify a time, time cycle or time duration"),
    ],
)
@pytest.mark.parametrize("tag", ["startEvent", "intermediateCatchEvent", "boundaryEvent"])
def test_a_timer_that_is_never_due_is_refused(tag: str, timer: Timer, reason: str) -> None:
    content = TASK + event(tag, "timer", inside=HOURLY)
    expected = [("/p/x", "timer_event", f"failed to evaluate timer: {reason}")]
    assert refused(content, GivenDefinitions(timers={"x": timer})) == expected


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<timeDate>tomorrow</timeDate>", "tomorrow is not an ISO 8601 date and time"),
        ("<timeCycle>${often}</timeCycle>", "a cron expression has 5 to 7 fields"),
        ("<timeDuration>=delay</timeDuration>", "=delay is not an ISO 8601 duration"),
    ],
)
def test_a_timer_that_the_model_does_not_say_clearly_is_refused_unless_the_deployment_does(
    inside: str, reason: str
) -> None:
    content = event("intermediateCatchEvent", "timer", inside=inside)
    assert refused(content) == [("/p/x", "timer_event", f"failed to evaluate timer: {reason}")]
    timer = Timer(time=NOW - timedelta(days=1))
    assert resolved(content, GivenDefinitions(timers={"x": timer})) == {"x": EventDefinition(timer=timer)}


def test_a_timer_that_interrupts_nothing_would_not_be_due_again_and_again_at_once() -> None:
    def attached(attributes: str) -> str:
        return TASK + event("boundaryEvent", "timer", attributes=attributes, inside="<timeDuration>PT0S</timeDuration>")

    detail = "failed to evaluate timer: it would be due again at once"
    assert refused(attached(' cancelActivity="false"')) == [("/p/x", "timer_event", detail)]
    assert resolved(attached("")) == {"x": EventDefinition(timer=Timer(duration="PT0S"))}
    once = GivenDefinitions(timers={"x": Timer(time=NOW)})
    assert resolved(attached(' cancelActivity="false"'), once)["x"].timer == Timer(time=NOW)


def test_everything_that_is_wrong_or_missing_comes_at_once() -> None:
    content = event("startEvent", "signal", "a") + event("startEvent", "timer", "b") + TASK
    given = GivenDefinitions(errors={"t": "E", "ghost": "E"}, messages={"a": "M"})
    assert refused(content, given) == [
        ("/p", "error_event", "process p has no element ghost"),
        ("/p/a", "message_event", "element a is not a message event"),
        ("/p/a", "signal_event", "no signal name defined for element a"),
        ("/p/b", "timer_event", "no timer defined for BPMN element b"),
        ("/p/t", "error_event", "element t is not an error event"),
    ]


def test_what_was_deployed_runs_whatever_the_model_says() -> None:
    xml = document(event("startEvent", "message", ref="m") + '<task id="t"/>', beside=ROOTS)
    elements = tuple(
        DeployedElement(
            number,
            element.bpmn_id,
            element.type,
            parent=element.parent,
            definition=EventDefinition(message_name="M2") if element.bpmn_id == "x" else None,
        )
        for number, element in enumerate(read(xml).elements, 1)
    )
    deployed = ProcessDeployed(process_id=1, bpmn_process_id="p", version="1", xml=xml, elements=elements)
    graph = evolve(NEW, deployed, NOW, "worker").graphs["1"]
    assert graph.elements["x"].definition == EventDefinition(message_name="M2")
    assert graph.elements["t"].definition is None
    assert graph.element_ids == {"p": 1, "x": 2, "t": 3}
