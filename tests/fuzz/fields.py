"""Every field of every body that the node's OpenAPI document knows, and bodies with something else in one of them."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = Any

#: A text that fits wherever one is required.
TEXT = "x"
DAY = "2026-11-20"

#: By format, or by type.
_LEAST: Mapping[str | None, Json] = {
    "date": DAY,
    "date-time": f"{DAY}T00:00:00Z",
    "boolean": False,
    "array": [],
    "number": 1,
}

#: ``partition/id``, or ``id`` alone, of something that lives, by what its path begins with.
Places = Mapping[str, str]
NOWHERE = f"{DAY}/2000000000"


class Operation(NamedTuple):
    """An operation that takes a body: how to call it, and the least body that its schema allows.

    One with a ``secret`` asks for a signature with it. ``is_optional`` where it may be called without a body.
    """

    name: str
    method: str
    path: str
    least: Mapping[str, Json]
    schema: Mapping[str, Json]
    secret: str = ""
    is_optional: bool = False


class Field(NamedTuple):
    """A place in an operation's body; ``kind`` is JSON Schema's word, ``format`` its format or pattern."""

    operation: Operation
    steps: tuple[str | int, ...]
    kind: str
    format: str

    def __str__(self) -> str:
        return f"{self.operation.name} #/{'/'.join(map(str, self.steps))}"

    def body_with(self, value: Json) -> Json:
        """Return the least body with this value in the field; what is around it is made."""
        body = copy.deepcopy(dict(self.operation.least))
        return _put(body, self.steps, value, self.operation.schema)


class Document:
    """An OpenAPI document, with its references followed.

    Requests are about what lives at ``places``; ``known`` are values by the names of the fields that have to have them.
    Inbound webhooks are signed with ``secret``.
    """

    def __init__(
        self, document: Mapping[str, Json], places: Places, known: Mapping[str, Json], secret: str = ""
    ) -> None:
        self._secret = secret
        self._document = document
        self._places = places
        self._known = known

    def operations(self) -> Iterator[Operation]:
        for path, item in self._document["paths"].items():
            for method, described in item.items():
                content = described.get("requestBody", {}).get("content", {}).get("application/json")
                if content is not None:
                    schema = self._followed(content["schema"])
                    least = {
                        **least_of(schema),
                        **{k: v for k, v in self._known.items() if k in schema.get("required", ())},
                    }
                    secret = self._secret if "/v1/webhooks/" in path else ""
                    filled, is_optional = self._filled(path), not described["requestBody"].get("required")
                    yield Operation(
                        described["operationId"], method.upper(), filled, least, schema, secret, is_optional
                    )

    def fields(self) -> Iterator[Field]:
        for operation in self.operations():
            for steps, schema in _inside(operation.schema, ()):
                told = schema.get("format") or schema.get("pattern") or ("enum" if "enum" in schema else "")
                yield Field(operation, steps, str(schema.get("type")), told)

    def _filled(self, path: str) -> str:
        place = next((place for base, place in self._places.items() if path.startswith(f"/{base}/")), NOWHERE)
        if "{partition}" in path or "{provider}" in path:
            return re.sub(r"\{\w+\}/\{\w+\}", place, path)
        return re.sub(r"\{\w+\}", place.rpartition("/")[2], path)

    def _followed(self, schema: Json) -> Json:
        """Replace references, and choices between a type and null by the type."""
        match schema:
            case {"$ref": str(reference)}:
                return self._followed(self._document["components"]["schemas"][reference.rpartition("/")[2]])
            case {"anyOf": list(kinds), **rest} | {"oneOf": list(kinds), **rest}:
                given = [kind for kind in kinds if kind != {"type": "null"}]
                return self._followed({**rest, **given[0]})
            case {"type": [str(kind), "null"], **rest}:
                return self._followed({**rest, "type": kind})
            case dict():
                return {key: self._followed(value) for key, value in schema.items()}
            case list():
                return [self._followed(value) for value in schema]
            case _:
                return schema


def _inside(schema: Json, steps: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    if steps:
        yield steps, schema
    for name, below in schema.get("properties", {}).items():
        yield from _inside(below, (*steps, name))
    if "items" in schema:
        yield from _inside(schema["items"], (*steps, 0))


def least_of(schema: Json) -> Json:
    """Return the smallest value that a schema allows."""
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"type": "object"}:
            return {name: least_of(schema["properties"][name]) for name in schema.get("required") or ()}
        case {"type": "integer"}:
            return schema.get("minimum", 0)
        case {"type": "string", "minLength": int(shortest)}:
            return TEXT * shortest
        case _:
            return copy.copy(_LEAST.get(schema.get("format"), _LEAST.get(schema.get("type"), TEXT)))


def _put(inside: Json, steps: tuple[str | int, ...], value: Json, schema: Json) -> Json:
    if not steps:
        return value
    step, *rest = steps
    below = schema["items"] if isinstance(step, int) else schema["properties"][step]
    if isinstance(step, int):
        return [_put(least_of(below), tuple(rest), value, below)]
    found = inside.get(step) if isinstance(inside, dict) else None
    return {**inside, step: _put(least_of(below) if found is None else found, tuple(rest), value, below)}
