"""The operations of the engine in the OpenAPI document (3.1).

The shapes come from the structs that bodies are decoded to and encoded from, and their constraints from the table of
rules, so that the document cannot say anything else than what the code does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

from litestar import Controller
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from api.credentials import SECURITY_SCHEMES
from api.documentation import completed
from api.engine.examples import EXAMPLES
from api.engine.links import links_of
from api.engine.operation_texts import OPERATION_TEXTS
from api.engine.operations import About, Operation
from api.engine.schemas import Json, Schemas
from api.identity import READINESS
from api.problems import PROBLEM_TYPE, Problem
from domain.identity import INT32_MAX

_POSITION: Json = {"type": "integer", "minimum": 0}
_COUNT: Json = {"type": "integer", "format": "int32", "minimum": 0, "maximum": INT32_MAX}

_IN_PATH: Mapping[str, Json] = {
    "partition": {"schema": {"type": "string", "format": "date"}, "description": "UTC day of the process instance"},
    "id": {"schema": {**_COUNT, "minimum": 1}, "description": "number of the entity, within its day if it has one"},
}
_MIN_POSITION = ("minPosition", _POSITION, "wait for this position of the log, not for all that was written before")
_NAMES = ("names", {"type": "array", "items": {"type": "string"}}, "return variables of these names only")
_IN_QUERY: Mapping[str, Sequence[tuple[str, Json, str]]] = {
    "": [],
    "page": [
        ("limit", _COUNT, "rows of the page, at most 10,000; 0 means 1,000"),
        ("offset", _COUNT, "rows to pass over"),
        _MIN_POSITION,
    ],
    "names": [_NAMES, _MIN_POSITION],
    "stretch": [
        ("after", _POSITION, "facts after this version, 0 for the beginning: `next` of the page before"),
        ("limit", _COUNT, "facts of the page, at most 1,000; 0 means 100"),
        _MIN_POSITION,
    ],
    "names and parents": [
        _NAMES,
        ("excludeParentVariables", {"type": "boolean"}, "leave out the scopes around the element instance"),
        _MIN_POSITION,
    ],
}
_ONCE: Json = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string"},
    "description": "a command under a key that was used before is not handled again: its first answer is given again",
}
_HEADERS: Json = {"Annals-Position": {"schema": _POSITION, "description": "position of the log that this reflects"}}


class EngineDocumentation(OpenAPIConfig):
    """An OpenAPI configuration whose document has the operations of some controllers too."""

    controllers: Sequence[type[Controller]] = ()

    def to_openapi_schema(self) -> OpenAPI:
        document = _Document(**vars(super().to_openapi_schema()))
        document.controllers = self.controllers
        return document


def documenting(controllers: Sequence[type[Controller]], config: OpenAPIConfig) -> OpenAPIConfig:
    """Return the same configuration, for a document that has the operations of these controllers too."""
    documentation = EngineDocumentation(config.title, config.version, render_plugins=config.render_plugins)
    vars(documentation).update(vars(config))  # not by its constructor, which warns of fields that it filled in itself
    documentation.controllers = controllers
    return documentation


class _Place(NamedTuple):
    """An operation and where it is: its path as OpenAPI writes it, and what it is listed under."""

    path: str
    tags: Sequence[str]
    operation: Operation


class _Document(OpenAPI):
    controllers: Sequence[type[Controller]] = ()

    def to_schema(self) -> Json:
        """Render Litestar's part of the document and add ours."""
        document = super().to_schema()
        components = document.setdefault("components", {})
        places = list(_places(self.controllers))
        bodies = [part for place in places for part in (place.operation.about.body, place.operation.about.answer)]
        schemas = Schemas([*filter(None, bodies), Problem])
        for place in places:
            (method,) = place.operation.http_methods
            document["paths"].setdefault(place.path, {})[method.lower()] = _describe(place, schemas)
        components["schemas"] = _together(components.get("schemas", {}), schemas.components)
        return completed(document)


def _together(theirs: Json, ours: Json) -> Json:
    """Return the schemas of both parts; of two with one name and other members, one would describe the other."""
    shared = sorted(theirs.keys() & ours.keys())
    clashing = [name for name in shared if theirs[name]["properties"].keys() != ours[name]["properties"].keys()]
    if clashing:
        raise ValueError(f"two schemas have the name {clashing[0]}")
    return {**theirs, **ours}


def _places(controllers: Sequence[type[Controller]]) -> Iterator[_Place]:
    for controller in controllers:
        for operation in vars(controller).values():
            if isinstance(operation, Operation):
                (below,) = operation.paths
                path = re.sub(r"{(\w+):\w+}", r"{\1}", (vars(controller)["path"].rstrip("/") + below).rstrip("/"))
                yield _Place(path, vars(controller)["tags"], operation)


def _describe(place: _Place, schemas: Schemas) -> Json:
    about = place.operation.about
    described: Json = {
        "operationId": place.operation.operation_id,
        "tags": list(place.tags),
        "summary": about.summary,
        "description": OPERATION_TEXTS[str(place.operation.operation_id)],
        "parameters": [*_parameters(place.path, about)],
        "responses": dict(_responses(place.operation, schemas)),
        "security": [] if place.operation.opt["access"] is READINESS else [{name: []} for name in SECURITY_SCHEMES],
    }
    if about.body is not None:
        content = {"schema": schemas.of(about.body), "example": EXAMPLES[about.body]}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _parameters(path: str, about: About) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"in": "path", "name": name, "required": True, **_IN_PATH[name]}
    for name, schema, description in _IN_QUERY[about.parameters]:
        repeated = {"style": "form", "explode": False} if schema["type"] == "array" else {}
        yield {"in": "query", "name": name, "schema": schema, "description": description, **repeated}
    if about.once:
        yield _ONCE


def _responses(operation: Operation, schemas: Schemas) -> Iterator[tuple[str, Json]]:
    about = operation.about
    done: Json = {"description": HTTPStatus(about.status).phrase, "headers": _HEADERS}
    if about.answer is not None:
        done["content"] = {about.media_type: {"schema": schemas.of(about.answer)}}
    links = dict(links_of(str(operation.operation_id)))
    yield str(about.status), {**done, "links": links} if links else done
    if operation.opt["access"] is READINESS:
        yield "503", {"description": "Not now", "content": {about.media_type: {"schema": {"type": "string"}}}}
        return
    body = {400, 415} if about.body is not None else {400}
    once = {409} if about.once else set()  # the idempotency key came with another request before
    for status in sorted({401, 403, 429, 503, *body, *once, *about.refuses}):
        problem = {PROBLEM_TYPE: {"schema": schemas.of(Problem)}}
        yield str(status), {"description": HTTPStatus(status).phrase, "content": problem}
