"""Activities that run more than once: multi-instance and loop markers (BPMN 2.0, 10.3.8 and 13.3.7).

How often is a literal number; in every other model a worker is asked for it, or for the items. The completion condition
must be in a language that the engine evaluates. Data that goes into and comes out of the instances, but for the name of
the item, is the workers' business.
"""

import re
from collections.abc import Iterator, Sequence

from lxml.etree import _Element as XmlElement

from domain.bpmn.graph import ElementType, MultiInstance
from domain.bpmn.reader.document import identifier, local_name, text_of
from domain.bpmn.reader.expressions import is_evaluated
from domain.bpmn.reader.vocabulary import MULTI_INSTANCE, MULTI_INSTANCE_TYPES, STANDARD_LOOP
from domain.identity import INT32_MAX

_LITERAL = re.compile(r"[+-]?[0-9]+")
_CARDINALITY = re.compile(r"[0-9]{1,10}")


def read_multi_instance(children: Sequence[XmlElement], language: str) -> MultiInstance | None:
    """Return how often an activity with these children runs; None when it has no multi-instance marker."""
    marker = next((child for child in children if local_name(child) == MULTI_INSTANCE), None)
    if marker is None:
        return None
    cardinality = _text(marker, "loopCardinality")
    until = _child(marker, "completionCondition")
    item = _child(marker, "inputDataItem")
    return MultiInstance(
        sequential=identifier(marker, "isSequential").lower() in ("true", "1"),
        cardinality=int(cardinality) if _CARDINALITY.fullmatch(cardinality) else None,
        item=str(item.get("name", "")) if item is not None else "",
        until=text_of(until) if until is not None and is_evaluated(until, language) else "",
    )


def unsupported_repetition(
    children: Sequence[XmlElement], element_type: ElementType | None, language: str
) -> Iterator[str]:
    """Yield what an element with these children asks for that cannot be done."""
    markers = [child for child in children if local_name(child) == MULTI_INSTANCE]
    if any(local_name(child) == STANDARD_LOOP for child in children):
        yield "loop marker"
    if len(markers) > 1 or (markers and element_type not in MULTI_INSTANCE_TYPES):
        yield "multi-instance marker"
    for marker in markers[:1]:
        yield from _unsupported_multi_instance(marker, language)


def _unsupported_multi_instance(marker: XmlElement, language: str) -> Iterator[str]:
    if identifier(marker, "behavior") not in ("", "All"):
        yield "multi-instance marker that throws events"
    cardinality = _text(marker, "loopCardinality")
    if _LITERAL.fullmatch(cardinality) and not (_CARDINALITY.fullmatch(cardinality) and int(cardinality) <= INT32_MAX):
        yield f"loop cardinality {cardinality[:20]}"
    until = _child(marker, "completionCondition")
    if until is not None and text_of(until) and not is_evaluated(until, language):
        yield "completion condition in a language that the engine does not evaluate"


def _child(marker: XmlElement, tag: str) -> XmlElement | None:
    return next((child for child in marker if local_name(child) == tag), None)


def _text(marker: XmlElement, tag: str) -> str:
    child = _child(marker, tag)
    return text_of(child) if child is not None else ""
