"""What the deployment of a process tells about its events and activities."""

from datetime import UTC, datetime

import pytest

from commands.context import Context
from commands.intents import Timer
from commands.processes import (
    CreateProcess,
    ErrorDefinition,
    EscalationDefinition,
    Gathered,
    MessageDefinition,
    SignalDefinition,
    TimerDefinition,
    decide_create,
)
from domain.bpmn import graph
from domain.bpmn.graph import EventDefinition
from domain.event import Actor
from domain.processes.events import DeployedElement, ProcessDeployed
from domain.processes.process import NEW
from domain.rejection import InvalidInput
from infra.encryption import VariableCipher
from tests.bpmn.refusing import document, event, read
from tests.models.memory import CountingIds

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def deploy(content: str, **definitions: object) -> dict[str, DeployedElement]:
    """Deploy a process with this content; return its elements by BPMN id, as the fact tells of them."""
    xml = document(content)
    fields = {"bpmn_process_id": "p", "bpmn_xml": xml, "version": "1", "worker_id": "ada", **definitions}
    actor = Actor("worker", "ada")
    cipher = VariableCipher(())
    context = Context(tenant="default", actor=actor, now=NOW, ids=CountingIds(), cipher=cipher, command_id="c")
    decision = decide_create(CreateProcess(**fields), None, Gathered(NEW, 0, read(xml), {}), context)  # type: ignore[arg-type]  # the fields are those of the struct
    (fact,) = [event for append in decision.appends for event in append.events if isinstance(event, ProcessDeployed)]
    return {element.bpmn_element_id: element for element in fact.elements}


def test_a_deployment_tells_what_each_event_is_defined_by() -> None:
    content = "".join(
        [
            '<userTask id="t"/>',
            event("boundaryEvent", "error", "e"),
            event("boundaryEvent", "escalation", "c"),
            event("boundaryEvent", "message", "m"),
            event("boundaryEvent", "signal", "s"),
            event("boundaryEvent", "timer", "o", inside="<timeDuration>PT1H</timeDuration>"),
            event("startEvent", "timer", "d"),
        ]
    )
    elements = deploy(
        content,
        errors=(ErrorDefinition("e", "E1"),),
        escalations=(EscalationDefinition("c", "C1"),),
        messages=(MessageDefinition("m", "other"), MessageDefinition("m", "M1")),
        signals=(SignalDefinition("s", "S1"),),
        timers=(TimerDefinition("d", Timer(NOW, "@daily", "PT1S")),),
    )
    assert {bpmn_id: element.definition for bpmn_id, element in elements.items()} == {
        "p": None,
        "t": None,
        "e": EventDefinition(error_code="E1"),
        "c": EventDefinition(escalation_code="C1"),
        "m": EventDefinition(message_name="M1"),
        "s": EventDefinition(signal_name="S1"),
        "o": EventDefinition(timer=graph.Timer(duration="PT1H")),
        "d": EventDefinition(timer=graph.Timer(NOW, "@daily", "PT1S")),
    }


def test_a_deployment_tells_which_activities_are_multi_instance() -> None:
    marker = "<multiInstanceLoopCharacteristics/>"
    elements = deploy(f'<serviceTask id="a">{marker}</serviceTask><serviceTask id="b"/>')
    assert [bpmn_id for bpmn_id, element in elements.items() if element.multi_instance] == ["a"]


def test_a_deployment_with_a_wrong_definition_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        deploy('<task id="t"/>', signals=(SignalDefinition("t", "S1"),))
    assert [cause.detail for cause in refused.value.causes] == ["element t is not a signal event"]
