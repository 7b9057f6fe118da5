"""The types of events: what each is told by, as a JSON Schema that is made from the fact's own definition."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import cleandoc
from typing import Any

import msgspec

from domain.event import Event
from domain.topics import TOPICS
from infra.event_feed.withheld import WITHHELD

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

#: References to documents that only readers of the code have.
_REFERENCE = re.compile(r" \([^()]*\b(?:contracts|incidents|engine)[/.][^()]*\)")


class EventType(msgspec.Struct, frozen=True):
    """A type of events: ``schema`` is that of ``data``, whose members that have their default are left out."""

    type: str
    description: str
    dataschema: str
    schema: Mapping[str, Any]


class EventTypes(msgspec.Struct, frozen=True):
    """All types of events that this release writes."""

    types: Sequence[EventType]


@cache
def event_types() -> EventTypes:
    """Return every type, by its name."""
    return EventTypes([_event_type(topic) for topic in sorted(TOPICS)])


def schema_of(topic: str) -> Schema | None:
    """Return the schema of a type's data, None for an unknown type."""
    return _schema(topic) if topic in TOPICS else None


def described(fact: type[Event]) -> str:
    """Return what a fact means, for people who have only this."""
    return worded(cleandoc(fact.__doc__ or ""))


def worded(text: str) -> str:
    """Return a docstring as Markdown, a paragraph a line."""
    paragraphs = re.split(r"\n\s*\n", _REFERENCE.sub("", text.replace("``", "`")))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def without_withheld(topic: str, schema: Schema) -> Schema:
    """Return the schema of a fact without the members that never leave."""
    withheld = WITHHELD.get(topic, frozenset())
    properties = {name: told for name, told in schema.get("properties", {}).items() if name not in withheld}
    required = [name for name in schema.get("required", ()) if name not in withheld]
    return {**schema, "properties": properties, "required": required}


def _event_type(topic: str) -> EventType:
    return EventType(topic, described(TOPICS[topic]), f"/events/types/{topic}", _schema(topic))


@cache
def _schema(topic: str) -> Schema:
    """Return a schema that stands alone."""
    fact = TOPICS[topic]
    (own,), components = msgspec.json.schema_components([fact], ref_template="#/$defs/{name}")
    name = own["$ref"].rpartition("/")[2]
    said = without_withheld(topic, components.pop(name))
    defined = {"$defs": {each: told(schema) for each, schema in components.items()}} if components else {}
    head = {"$schema": DRAFT, "$id": f"/events/types/{topic}"}
    return {**head, **said, "title": topic, "description": described(fact), **defined}


def told(schema: Schema) -> Schema:
    """Return a schema whose description is in words for clients; without one where that is for readers of the code."""
    description = worded(schema.get("description", ""))
    without = {name: value for name, value in schema.items() if name != "description"}
    return without if not description or "contracts/" in description else {**without, "description": description}
