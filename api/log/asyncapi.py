"""The AsyncAPI 3.0 document of the feed and of webhooks, made from the table of facts and from the envelope itself."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from api.credentials import SECURITY_SCHEMES
from api.log.parameters import DEFAULT_LIMIT, LONGEST_WAIT, MOST_EVENTS
from api.log.telling import CLOUD_EVENT
from api.log.types import described, told, without_withheld
from api.webhooks.asyncapi import CHANNEL as WEBHOOK
from api.webhooks.asyncapi import webhook_channel, webhook_messages, webhook_operation
from domain.topics import TOPICS
from infra.delivery.messages import DeliveredEvent
from infra.event_feed.cloud_events import CloudEvent

Json = dict[str, Any]

HTTP_BINDING = "0.3.0"
_REFERENCE = "#/components/schemas/"
_ENVELOPE, _DELIVERED = f"{_REFERENCE}CloudEvent", f"{_REFERENCE}DeliveredEvent"

#: What may be asked for, as the query of a request.
_FILTERS: Json = {
    "after": {"type": "integer", "minimum": 0, "default": 0, "description": "events after this position"},
    "type": {
        "type": "array",
        "items": {"type": "string"},
        "description": "events of these types only, or of all that begin so (`incident.*`)",
    },
    "stream": {"type": "string", "description": "events of this stream (`subject`) only, or of what this is the id of"},
    "processKey": {"type": "string", "description": "events of this process only, by its BPMN id"},
    "incident": {"type": "string", "description": "events of this incident only, `inc_<ULID>`"},
}
_PAGING: Json = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": DEFAULT_LIMIT},
    "wait": {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0, "description": "seconds"},
}


@cache
def asyncapi_document() -> Json:
    """Return the document; it is the same for everybody."""
    facts, schemas = _schemas()
    messages = {topic: _message(topic, facts[topic]) for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Annals",
            "version": version("annals"),
            "description": "The event feed: every change that a tenant's log tells of, once, in the order of commits."
            " And webhooks, to which events are delivered.",
        },
        "defaultContentType": CLOUD_EVENT,
        "channels": {
            "events": _channel("/events", "Pages of events after a position, with long polling."),
            "stream": _channel("/events/stream", "Events as server-sent events; `id` is the position."),
            WEBHOOK: webhook_channel(TOPICS),
        },
        "operations": {
            "sendEventPages": _operation("events", "Answer with a page of events", {**_FILTERS, **_PAGING}),
            "sendEvents": _operation("stream", "Send events as they come", _FILTERS),
            "deliverEvents": webhook_operation(HTTP_BINDING),
        },
        "components": {
            "messages": {**messages, **webhook_messages(messages, _ENVELOPE, _DELIVERED)},
            "schemas": schemas,
            "securitySchemes": dict(_security()),
        },
    }


def _channel(address: str, description: str) -> Json:
    messages = {topic: {"$ref": f"#/components/messages/{topic}"} for topic in TOPICS}
    return {"address": address, "description": description, "messages": messages}


def _operation(channel: str, summary: str, query: Mapping[str, Any]) -> Json:
    asked = {"type": "object", "properties": dict(query)}
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY_SCHEMES],
        "bindings": {"http": {"method": "GET", "query": asked, "bindingVersion": HTTP_BINDING}},
    }


def _message(topic: str, fact_schema: str) -> Json:
    data = {"properties": {"type": {"const": topic}, "data": {"$ref": fact_schema}}}
    return {
        "name": topic,
        "title": topic,
        "summary": described(TOPICS[topic]).partition("\n")[0],
        "contentType": CLOUD_EVENT,
        "payload": {"allOf": [{"$ref": _ENVELOPE}, data]},
    }


def _schemas() -> tuple[Mapping[str, str], Json]:
    """Return where the schema of each fact is, by topic, and all schemas."""
    references, components = msgspec.json.schema_components(
        [CloudEvent, DeliveredEvent, *TOPICS.values()], ref_template=f"{_REFERENCE}{{name}}"
    )
    facts = {topic: reference["$ref"] for topic, reference in zip(TOPICS, references[2:], strict=True)}
    for topic, reference in facts.items():
        name = reference.removeprefix(_REFERENCE)
        components[name] = without_withheld(topic, components[name])
    return facts, {name: told(schema) for name, schema in components.items()}


def _security() -> Iterator[tuple[str, Json]]:
    """Yield the ways to prove who one is, as AsyncAPI names them."""
    for name, scheme in SECURITY_SCHEMES.items():
        yield name, {**scheme, "type": "httpApiKey"} if scheme["type"] == "apiKey" else dict(scheme)
