"""Ways to say what a model is read as, or refused for, whatever the engine runs so far."""

import pytest

from domain.bpmn.graph import Element, ElementType, ProcessModel
from domain.bpmn.reader import read_process
from domain.rejection import InvalidModel

EVERY_TYPE = frozenset(ElementType)


def document(
    content: str, *, process_id: str = "p", executable: str = "true", beside: str = "", language: str = ""
) -> str:
    """Write a BPMN document with one process around what is in it; ``beside`` are other roots, before the process."""
    attribute = f' expressionLanguage="{language}"' if language else ""
    process = f'<process id="{process_id}" isExecutable="{executable}">{content}</process>'
    return f"<definitions{attribute}>{beside}{process}</definitions>"


def flow(flow_id: str, source: str, target: str, inside: str = "") -> str:
    """Write a sequence flow."""
    return f'<sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">{inside}</sequenceFlow>'


def event(tag: str, definition: str, bpmn_id: str = "x", attributes: str = "", inside: str = "", ref: str = "") -> str:
    """Write an event with its definition; a boundary event is attached to ``t``."""
    reference = f' {definition}Ref="{ref}"' if ref else ""
    within = f"<{definition}EventDefinition{reference}>{inside}</{definition}EventDefinition>" if definition else ""
    attached = ' attachedToRef="t"' if tag == "boundaryEvent" else ""
    return f'<{tag} id="{bpmn_id}"{attached}{attributes}>{within}</{tag}>'


def link(tag: str, bpmn_id: str, name: str) -> str:
    """Write a link event."""
    return f'<{tag} id="{bpmn_id}"><linkEventDefinition name="{name}"/></{tag}>'


def read(xml: str, process_id: str = "p") -> ProcessModel:
    """Read a process that may have elements of every type."""
    return read_process(xml, process_id, runnable=EVERY_TYPE)


def element(content: str, bpmn_id: str = "x", beside: str = "", language: str = "") -> Element:
    """Return an element of a process with this content, as it is read."""
    elements = read(document(content, beside=beside, language=language)).elements
    return next(element for element in elements if element.bpmn_id == bpmn_id)


def refusal(xml: str, process_id: str = "p") -> InvalidModel:
    """Return how the reader refuses this process."""
    with pytest.raises(InvalidModel) as raised:
        read(xml, process_id)
    assert raised.value.title == "failed to create process"
    return raised.value


def causes(content: str, language: str = "") -> list[tuple[str, str, str]]:
    """Return pointer, type and detail of each problem of a process with this content."""
    refused = refusal(document(content, language=language))
    assert refused.detail == "BPMN process is invalid"
    return [(cause.pointer, cause.type, cause.detail) for cause in refused.causes]


def details(content: str, language: str = "") -> list[str]:
    """Return each problem of a process with this content, in words."""
    return [detail for _, _, detail in causes(content, language)]
