"""JSON schemas of the engine's bodies, for the OpenAPI document: what the structs say, and what the rules add."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from api.engine.member_texts import MEMBER_TEXTS, SCHEMA_TEXTS
from api.engine.rules import REQUIRED, RULES, Rule

Json = dict[str, Any]

_PLACE = "#/components/schemas/"

#: What docstrings say to readers of the code alone: where an operation or a section is.
_ASIDE = re.compile(r"\s*\((?:operation|contracts/)[^)]*\)")
_CODE = re.compile(r"``([^`]+)``")


class Schemas:
    """The schemas of some types; ``components`` are those with a name."""

    def __init__(self, types: Sequence[Any]) -> None:
        """Describe these types, and what they are made of."""
        wanted = list(dict.fromkeys([*types, *RULES]))
        schemas, components = msgspec.json.schema_components(wanted, ref_template=_PLACE + "{name}")
        names = {name: _plain(name) for name in components}
        self.components: dict[str, Json] = {
            names[name]: {**_renamed(schema, names), "title": names[name]} for name, schema in components.items()
        }
        self._schemas: dict[Any, Json] = {
            kind: _renamed(schema, names) for kind, schema in zip(wanted, schemas, strict=True)
        }
        for kind in RULES:
            _add_rules(kind, self.components[self._schemas[kind]["$ref"].removeprefix(_PLACE)])
        for name, component in self.components.items():
            _add_texts(name, component)

    def of(self, kind: Any) -> Json:
        """Return the schema of one of the types, a reference where it has a name."""
        return self._schemas[kind]


def _plain(name: str) -> str:
    """Return a name that generators of clients take: ``JobResults`` for ``Results_Job_``, ``DataInput`` for an input.

    Where a body that comes in and one that goes out have the same name, msgspec puts their modules in front.
    """
    *modules, last = name.split(".")
    outer, _, inner = last.rstrip("_").partition("_")
    return inner + outer + ("Input" if modules[:1] == ["commands"] else "")


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    match schema:
        case {"$ref": str(reference)}:
            return {"$ref": _PLACE + names[reference.removeprefix(_PLACE)]}
        case dict():
            return {key: _renamed(value, names) for key, value in schema.items()}
        case list():
            return [_renamed(value, names) for value in schema]
        case _:
            return schema


def _add_rules(kind: type[msgspec.Struct], component: Json) -> None:
    """Narrow a struct's schema by its rules. A field that may not have its default has to be there."""
    for name, _, rules in RULES[kind]:
        schema = component["properties"][name]
        for rule in rules:
            schema |= rule.schema
        if any(_forbids_default(rule) for rule in rules):
            component["required"].append(name)
            component["properties"][name] = _without_default(schema)


def _forbids_default(rule: Rule) -> bool:
    return rule is REQUIRED or rule.schema.get("minimum", 0) > 0


def _without_default(schema: Json) -> Json:
    given = {key: value for key, value in schema.items() if key != "default"}
    if given.get("type") == "string":
        given["minLength"] = 1
    kinds = [kind for kind in _alternatives(given) if kind != {"type": "null"}]
    return kinds[0] if kinds else given


def _alternatives(schema: Json) -> Iterator[Json]:
    yield from schema.get("anyOf", ())


def _add_texts(name: str, component: Json) -> None:
    """Say in words what a schema and each of its members is."""
    component["description"] = SCHEMA_TEXTS.get(name) or _told(name, component.get("description", ""))
    for member, schema in component.get("properties", {}).items():
        schema["description"] = MEMBER_TEXTS.get(f"{name}.{member}") or MEMBER_TEXTS[member]


def _told(name: str, docstring: str) -> str:
    """Return a docstring in the words of clients: without asides to readers of the code, names as JSON has them."""
    if not docstring and name.endswith("Criteria"):
        docstring = "Conditions of a query, all of which have to hold; those left out are none."
    text = _CODE.sub(lambda code: f"`{_camel(code[1])}`", _ASIDE.sub("", docstring))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return name if first.isupper() else first + "".join(map(str.capitalize, rest))
