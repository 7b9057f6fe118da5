"""What the OpenAPI document says of all operations alike: groups, credentials, ids, limits, and how errors are told.

The rest stands with the operations. This is added to the finished document, so that no operation can be without it.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from api.credentials import SECURITY_SCHEMES
from api.dialects import error_form
from api.incidents.links import links_of
from api.problems import UNEXPECTED, ErrorForm, problem_of
from api.refusals import InvalidAddress, TooManyRequests, Unauthorized, UnsupportedMediaType
from commands.access_fields import TENANT_ID
from commands.intakes import PROVIDERS
from domain.identity import INT64_MAX
from domain.rejection import ExecutionFailed, Forbidden, InvalidState, NotFound, Rejection, Unavailable

Json = dict[str, Any]

#: The groups of operations, in the order in which they are shown: one for each of the APIs about incidents, then the
#: engine's by subject.
TAGS: Mapping[str, str] = {
    "feed": "The feed of incidents below `/v1`: severity, status, pages by cursor, figures, inbound webhooks."
    " Errors are `{error, message}`.",
    "uptime": "Incidents and checks below `/api/incidents` and `/api/checks`: a life cycle with a timeline."
    " Answers and errors are in an envelope with `success`.",
    "alerts": "Incidents, rules and samples below `/api/alerts`. Errors are `{error}`.",
    "insight": "Figures about the incidents of processes, below `/incidents`. Errors are `{message}`.",
    "processes": "Of the engine: models that are deployed. Errors of all its groups are problems (RFC 9457).",
    "process instances": "Of the engine: instances of processes.",
    "element instances": "Of the engine: what instances are at, or were.",
    "jobs": "Of the engine: what workers lock and complete.",
    "user tasks": "Of the engine: what waits for a person.",
    "messages": "Of the engine: messages, and who waits for them.",
    "signals": "Of the engine: signals, and who waits for them.",
    "tasks": "Of the engine: what it does by itself.",
    "incidents": "Of the engine: jobs and tasks that failed without retries left.",
    "variables": "Of the engine: variables of instances.",
    "node": "Of the engine: its clock and its readiness.",
    "events": "The log itself, below `/events`: every change, in the order of commits. Errors are problems (RFC 9457).",
    "audit": "Who did what to what, below `/audit`. Errors are problems (RFC 9457).",
    "webhooks": "Where events are delivered to, below `/webhooks`. Errors are problems (RFC 9457).",
    "administration": "Tenants, API keys and intakes, below `/admin`. Errors are problems (RFC 9457).",
    "operation": "How a node is doing.",
}

#: The APIs about incidents, whose answers tell how the bucket of the caller stands.
_ABOUT_INCIDENTS = {"feed", "uptime", "alerts"}

_STATUSES: Mapping[int, str] = {
    400: "The request cannot be read, or something in it is wrong.",
    401: "No valid credential came with the request.",
    403: "The caller's role, or the plan of the tenant, does not allow it.",
    404: "Nothing of that id is visible to the caller's tenant.",
    409: "It is not in a state that allows this, or the idempotency key came with another request before.",
    415: "The body is of another type than JSON.",
    422: "The model or the process does not allow it.",
    429: "The requests of this minute are used up.",
    500: "Something is wrong here; the logs of the node say what.",
    503: "The node cannot answer in time.",
}

#: One of each status, for operations that have none of their own.
_EXAMPLES: Mapping[int, Rejection] = {
    400: InvalidAddress("invalid parameter", "parameter limit must be a whole number"),
    401: Unauthorized("a valid API key or token is required", ""),
    403: Forbidden("access denied", "role viewer does not allow this"),
    404: NotFound("failed to find it", "it could not be found"),
    409: InvalidState("failed to change it", "it has ended"),
    415: UnsupportedMediaType("text/plain"),
    422: ExecutionFailed("failed to continue", "no sequence flow can be taken"),
    429: TooManyRequests("only 600 requests a minute are allowed", 17),
    503: Unavailable("failed to handle request", "the database cannot be reached"),
}

_INTEGER: Json = {"type": "integer", "minimum": 0}
_HEADERS: Mapping[str, Json] = {
    "Annals-Position": {"schema": _INTEGER, "description": "position of the log that the answer reflects"},
    "X-RateLimit-Limit": {"schema": _INTEGER, "description": "requests that the caller has in a minute"},
    "X-RateLimit-Remaining": {"schema": _INTEGER, "description": "how many of them are left"},
    "X-RateLimit-Reset": {"schema": _INTEGER, "description": "when the next minute begins, in seconds since 1970"},
    "Retry-After": {"schema": _INTEGER, "description": "seconds after which to try again"},
    "WWW-Authenticate": {"schema": {"type": "string"}, "description": "which credentials would do"},
}
_MIN_POSITION: Json = {
    "name": "minPosition",
    "in": "query",
    "required": False,
    "schema": {**_INTEGER, "maximum": INT64_MAX, "examples": [4711]},
    "description": "wait for this position of the log, not for all that was written before",
}
_OF_LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

_ULID = "[0-9A-HJKMNP-TV-Z]{26}"


def _id(prefix: str, what: str) -> Json:
    example = f"{prefix}01JD8QZ2N3W4X5Y6Z7A8B9C0D1"
    schema = {"type": "string", "pattern": f"^{prefix}{_ULID}$", "examples": [example]}
    return {"schema": schema, "description": f"id of {what}; what is none is answered like one that nothing has"}


_TENANT: Json = {
    "schema": {"type": "string", "pattern": TENANT_ID, "examples": ["acme"]},
    "description": "id of a tenant",
}
_PROVIDER: Json = {"schema": {"type": "string", "enum": list(PROVIDERS)}, "description": "who sends the alerts"}
_EVENT_TYPE: Json = {
    "schema": {"type": "string", "pattern": r"^[a-z_]+\.[a-z_]+\.v\d+$", "examples": ["incident.opened.v1"]},
    "description": "type of events",
}
_DELIVERY: Json = {
    "schema": {
        "type": "string",
        "pattern": rf"^msg_{_ULID}-[1-9]\d{{0,18}}(-[0-9a-f]{{16}})?$",
        "examples": ["msg_01JD8QZ2N3W4X5Y6Z7A8B9C0D1-1042"],
    },
    "description": "id of a delivery",
}

_POSITION: Json = {
    "schema": {"type": "string", "pattern": r"^\d{1,19}$", "examples": ["1042"]},
    "description": "position of an event, its `id`",
}

#: Parameters in paths, by what the path begins with.
_IN_PATH: Mapping[str, Mapping[str, Json]] = {
    "/v1/incidents/": {"incident_id": _id("inc_", "an incident")},
    "/v1/webhooks/": {"tenant_id": _TENANT, "provider": _PROVIDER},
    "/api/incidents/": {"id": _id("inc_", "an incident")},
    "/api/checks/": {"id": _id("chk_", "a check")},
    "/api/alerts/incidents/": {"incident_id": _id("inc_", "an incident")},
    "/api/alerts/rules/": {"rule_id": _id("rule_", "a rule")},
    "/admin/tenants/": {"id": _TENANT},
    "/admin/keys/": {"id": _id("", "an API key")},
    "/admin/intakes/": {"id": _id("", "an intake")},
    "/events/types/": {"type": _EVENT_TYPE},
    "/events/": {"position": _POSITION},
    "/webhooks/": {"id": _id("whk_", "a webhook"), "delivery": _DELIVERY},
}


def described(status: int) -> str:
    """Say what a status of an error means."""
    return _STATUSES[status]


def completed(document: Json) -> Json:
    """Return the document with all that is said of every operation."""
    document["components"]["securitySchemes"] = {name: dict(scheme) for name, scheme in SECURITY_SCHEMES.items()}
    used = set()
    for path, method in _operations(document):
        operation = document["paths"][path][method]
        used.update(operation["tags"])
        if method == "get" and _ABOUT_INCIDENTS.intersection(operation["tags"]):
            operation.setdefault("parameters", []).append(dict(_MIN_POSITION))
        _complete(operation, path)
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return document


def _operations(document: Json) -> Iterator[tuple[str, str]]:
    yield from ((path, method) for path, methods in document["paths"].items() for method in methods)


def _complete(operation: Json, path: str) -> None:
    known = next((found for beginning, found in _IN_PATH.items() if path.startswith(beginning)), {})
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.update(known.get(parameter["name"], {}))
    responses = operation["responses"]
    if "401" in responses:
        responses["500"] = _unexpected(responses["401"])
    for status, response in responses.items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            response.setdefault("links", {}).update(links_of(operation["operationId"]))
        elif "401" in responses:
            _tell(response, int(status), error_form(path))
        response["headers"] = dict(_headers(operation, int(status), response.get("headers") or {}))


def _unexpected(other: Json) -> Json:
    """Return an error that nobody foresaw, which is told as the others are."""
    return {"content": {kind: {"schema": content["schema"]} for kind, content in other["content"].items()}}


def _tell(response: Json, status: int, form: ErrorForm) -> None:
    """Say in words what an error means, and how it is told where the operation has no example."""
    response["description"] = described(status)
    for content in response["content"].values():
        if "examples" not in content:
            content["examples"] = {"example": {"value": _example(status, form)}}


def _example(status: int, form: ErrorForm) -> Any:
    refusal = _EXAMPLES.get(status)
    problem = problem_of(refusal) if refusal else UNEXPECTED
    return msgspec.to_builtins(form.body(problem, refusal))


def _headers(operation: Json, status: int, given: Json) -> Iterator[tuple[str, Json]]:
    yield from ((name, _HEADERS.get(name, header)) for name, header in given.items())
    if _ABOUT_INCIDENTS.intersection(operation["tags"]) and status != HTTPStatus.UNAUTHORIZED:
        yield from ((name, _HEADERS[name]) for name in _OF_LIMITS)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        yield "Retry-After", _HEADERS["Retry-After"]
    if status == HTTPStatus.UNAUTHORIZED:
        yield "WWW-Authenticate", _HEADERS["WWW-Authenticate"]
