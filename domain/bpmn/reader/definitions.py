"""What events catch and throw, as the model says it (contracts/engine.md 2.2, and decision 2).

An event definition refers to an error, escalation, message or signal beside the processes, which has the code or name.
A reference to an error or escalation without a code is one to any of them. No reference, one to nothing, and one to a
message or signal without a name leave the definition open: the deployment may give it, or a worker.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from lxml.etree import _Element as XmlElement

from domain.bpmn.graph import EventDefinition
from domain.bpmn.reader.document import identifier, local_name, referred


class _Kind(NamedTuple):
    """Where a definition refers to what it means, where that keeps its code or name, and what becomes of it."""

    reference: str
    attribute: str
    define: Callable[[str], EventDefinition]
    may_be_empty: bool = False


_KINDS: Mapping[str, _Kind] = {
    "error": _Kind("errorRef", "errorCode", lambda code: EventDefinition(error_code=code), may_be_empty=True),
    "escalation": _Kind(
        "escalationRef", "escalationCode", lambda code: EventDefinition(escalation_code=code), may_be_empty=True
    ),
    "message": _Kind("messageRef", "name", lambda name: EventDefinition(message_name=name)),
    "signal": _Kind("signalRef", "name", lambda name: EventDefinition(signal_name=name)),
}

#: A worker sends these messages, under whatever name (contracts/engine.md 2.5, EXECUTE).
_SENDING = ("intermediateThrowEvent", "endEvent")


class Roots(NamedTuple):
    """What a document says beside its processes: codes or names by kind and id, and the language of expressions."""

    texts: Mapping[str, Mapping[str, str]]
    language: str


def read_roots(definitions: XmlElement) -> Roots:
    """Read what the events of all processes refer to."""
    texts: dict[str, dict[str, str]] = {kind: {} for kind in _KINDS}
    for child in definitions:
        kind = local_name(child)
        if kind in _KINDS:
            texts[kind].setdefault(identifier(child), str(child.get(_KINDS[kind].attribute, "")))
    return Roots(texts, identifier(definitions, "expressionLanguage"))


def read_definition(element: XmlElement, tag: str, kind: str, roots: Roots) -> EventDefinition | None:
    """Return what this definition, of an event with this tag, refers to; None where that is left open.

    ``kind`` is that of the event: ``error``, ``escalation``, ``message`` or ``signal``, others have no reference.
    """
    if kind not in _KINDS or (kind == "message" and tag in _SENDING):
        return None
    reference, _, define, may_be_empty = _KINDS[kind]
    texts = roots.texts[kind]
    text = texts.get(referred(identifier(element, reference), texts))
    if text is None or not (text or may_be_empty):
        return None
    return define(text)
