"""Expressions: the engine evaluates those whose language the model names and the engine knows, and no others.

A language is named by the expression itself (``language``) or for the whole document (``expressionLanguage``). Unlike
the standard, which then takes XPath for granted, a document that names none asks the engine for nothing.
"""

from lxml.etree import _Element as XmlElement

from domain.bpmn.conditions import supported
from domain.bpmn.reader.document import identifier, local_name, text_of


def is_evaluated(expression: XmlElement, document_language: str) -> bool:
    """Tell whether the expression is in a language that the engine evaluates."""
    language = identifier(expression, "language") or document_language
    return bool(language) and supported(language)


def read_condition(flow: XmlElement, document_language: str) -> str:
    """Return the condition of a ``sequenceFlow`` element; empty when it has none that the engine evaluates."""
    for child in flow:
        if local_name(child) == "conditionExpression" and is_evaluated(child, document_language):
            return text_of(child)
    return ""
