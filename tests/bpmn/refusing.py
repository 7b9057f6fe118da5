"""Ways to say what a model is refused for."""

import pytest

from domain.bpmn.reader import read_process
from domain.rejection import InvalidModel


def document(content: str, *, process_id: str = "p", executable: str = "true") -> str:
    """Write a BPMN document with one process around what is in it."""
    return f'<definitions><process id="{process_id}" isExecutable="{executable}">{content}</process></definitions>'


def refusal(xml: str, process_id: str = "p") -> InvalidModel:
    """Return how the reader refuses this process."""
    with pytest.raises(InvalidModel) as raised:
        read_process(xml, process_id)
    assert raised.value.title == "failed to create process"
    return raised.value


def causes(content: str) -> list[tuple[str, str, str]]:
    """Return pointer, type and detail of each problem of a process with this content."""
    refused = refusal(document(content))
    assert refused.detail == "BPMN process is invalid"
    return [(cause.pointer, cause.type, cause.detail) for cause in refused.causes]


def details(content: str) -> list[str]:
    """Return each problem of a process with this content, in words."""
    return [detail for _, _, detail in causes(content)]
