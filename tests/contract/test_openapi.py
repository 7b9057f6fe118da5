"""The OpenAPI document as a whole: valid, grouped by dialect, with every way in, every refusal and its example."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.credentials import SECURITY_SCHEMES
from api.dialects import error_form
from api.documentation import TAGS
from tests.contract.administering import Callers, callers
from tests.contract.test_roles import ANYONE, ROUTES

#: Groups by what the paths of their operations begin with; the rest is the engine's.
BASES: Mapping[str, str] = {
    "/v1/": "feed",
    "/api/alerts/": "alerts",
    "/api/": "uptime",
    "/admin/": "administration",
    "/events": "events",
    "/asyncapi": "events",
    "/audit": "audit",
    "/webhooks": "webhooks",
    "/incidents/incident": "insight",
    "/incidents/heatmap": "insight",
    "/incidents/total": "insight",
}


#: What they made can be deleted: sent again under the same idempotency key there is nothing to answer with.
GONE = {"createCheck", "createAlertRule", "createWebhook"}


class Operation(NamedTuple):
    """An operation of the document; its name is that of its route, which tests of roles know too."""

    name: str
    path: str
    told: Mapping[str, Any]

    def errors(self) -> Iterator[tuple[int, str, Any]]:
        """Yield the errors with their media type and what is told of it."""
        for status, response in self.told["responses"].items():
            if int(status) >= 400:
                ((media_type, content),) = response["content"].items()
                yield int(status), media_type, content


class Document:
    """The document, and what can be asked of it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told
        self.operations = [
            Operation(f"{method.upper()} {path}", path, operation)
            for path, methods in told["paths"].items()
            for method, operation in methods.items()
        ]
        #: Those that ask who is there; the others are for whoever runs the node.
        self.guarded = [operation for operation in self.operations if "401" in operation.told["responses"]]

    def validator(self, schema: Any) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator({**schema, "components": self.told["components"]})


@pytest.fixture(scope="module")
async def node(shared_database: str) -> AsyncIterator[Callers]:
    async with callers(shared_database, set_time_enabled=True) as them:
        yield them


@pytest.fixture
async def document(node: Callers) -> Document:
    return Document((await node.client.get("/schema/openapi.json")).json())


def parts(told: Any, key: str) -> Iterator[Any]:
    """Yield what stands under a key, wherever in the document."""
    if isinstance(told, dict):
        yield from (value for name, value in told.items() if name == key)
        told = list(told.values())
    if isinstance(told, list):
        for part in told:
            yield from parts(part, key)


async def test_it_is_valid_openapi_3_1(document: Document) -> None:
    wrong = jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(document.told)
    assert [f"{'/'.join(map(str, error.instance_path))}: {error.message}"[:300] for error in wrong] == []
    for schema in parts(document.told, "schema"):
        document.validator(schema)
    references = set(parts(document.told, "$ref"))
    assert references <= {f"#/components/schemas/{name}" for name in document.told["components"]["schemas"]}


async def test_every_route_is_in_it(document: Document) -> None:
    assert {operation.name for operation in document.operations} == set(ROUTES)
    ids = [operation.told["operationId"] for operation in document.operations]
    assert len(ids) == len(set(ids))


async def test_operations_are_grouped_by_dialect(document: Document) -> None:
    told = [tag["name"] for tag in document.told["tags"]]
    assert told == list(TAGS)
    assert all(tag["description"] for tag in document.told["tags"])
    for operation in document.operations:
        (tag,) = operation.told["tags"]
        expected = next((name for base, name in BASES.items() if operation.path.startswith(base)), None)
        assert tag == expected if expected else tag not in BASES.values(), operation.name


async def test_every_form_of_a_credential_is_told_and_every_operation_asks_for_one_that_is_not_open(
    document: Document,
) -> None:
    schemes = document.told["components"]["securitySchemes"]
    told = {(scheme["type"], scheme.get("scheme") or (scheme["in"], scheme["name"])) for scheme in schemes.values()}
    assert told == {
        ("http", "bearer"),
        ("http", "basic"),
        ("apiKey", ("header", "Authorization")),
        ("apiKey", ("header", "X-API-Key")),
        ("apiKey", ("cookie", "token")),
    }
    for operation in document.operations:
        asked: list[dict[str, list[str]]] = (
            [] if ROUTES[operation.name] is ANYONE else [{name: []} for name in SECURITY_SCHEMES]
        )
        assert operation.told.get("security", []) == asked, operation.name


async def test_every_operation_tells_every_error_with_an_example_in_the_form_of_its_dialect(
    document: Document,
) -> None:
    assert len(document.guarded) > 80
    for operation in document.guarded:
        found = {status for status, _, _ in operation.errors()}
        assert {401, 500, 503} <= found, operation.name
        for status, media_type, content in operation.errors():
            form = error_form(operation.path)
            assert media_type == form.media_type, (operation.name, status)
            (example,) = content["examples"].values()
            document.validator(content["schema"]).validate(example["value"])
            members = content["schema"]["$ref"].rpartition("/")[2]
            assert set(example["value"]) <= set(document.told["components"]["schemas"][members]["properties"])
            assert example["value"].get("status", status) == status


async def test_what_may_be_refused_follows_from_what_is_asked(document: Document) -> None:
    for operation in document.guarded:
        statuses = {status for status, _, _ in operation.errors()}
        headers = {told["name"] for told in operation.told.get("parameters", ()) if told["in"] == "header"}
        ids = [told for told in operation.told.get("parameters", ()) if told["in"] == "path"]
        limited = operation.told["tags"][0] not in {"administration", "insight", "webhooks"}
        wanted = {
            409: "Idempotency-Key" in headers,
            404: bool(ids) or operation.told["operationId"] in GONE,
            415: "requestBody" in operation.told,
            400: "requestBody" in operation.told,
            429: limited,
        }
        assert {status for status, is_wanted in wanted.items() if is_wanted} <= statuses, operation.name


async def test_every_body_has_an_example_that_its_schema_allows(document: Document) -> None:
    bodies = [operation for operation in document.operations if "requestBody" in operation.told]
    assert len(bodies) > 40
    for operation in bodies:
        ((media_type, content),) = operation.told["requestBody"]["content"].items()
        assert media_type == "application/json", operation.name
        examples = [told["value"] for told in content.get("examples", {}).values()] or [content["example"]]
        for example in examples:
            document.validator(content["schema"]).validate(example)


async def test_every_parameter_is_told_in_words_and_has_bounds(document: Document) -> None:
    for operation in document.operations:
        for parameter in operation.told.get("parameters", ()):
            place, schema = (operation.name, parameter["name"]), parameter["schema"]
            assert parameter["description"], place
            if parameter["in"] == "path":
                assert parameter["required"], place
                assert {"pattern", "enum", "format", "minimum"} & set(schema), place
            elif schema["type"] == "integer":
                assert "minimum" in schema, place


async def test_answers_tell_the_headers_of_limits(document: Document) -> None:
    for operation in document.guarded:
        limited = operation.told["tags"][0] in {"feed", "uptime", "alerts"}
        for status, response in operation.told["responses"].items():
            headers = set(response.get("headers", ()))
            assert ("X-RateLimit-Remaining" in headers) is (limited and status != "401"), (operation.name, status)
            assert ("Retry-After" in headers) is (status in {"429", "503"}), (operation.name, status)
            assert ("WWW-Authenticate" in headers) is (status == "401"), (operation.name, status)


async def test_links_lead_to_operations_that_take_what_they_carry(document: Document) -> None:
    by_id = {operation.told["operationId"]: operation.told for operation in document.operations}
    linked = set()
    for told in by_id.values():
        for response in told["responses"].values():
            for link in response.get("links", {}).values():
                taken = {there["name"] for there in by_id[link["operationId"]]["parameters"] if there["in"] == "path"}
                assert set(link["parameters"]) == taken
                linked.add(link["operationId"])
    incidental = {name for name, told in by_id.items() if told["tags"][0] in {"feed", "uptime", "alerts"}}
    with_ids = {
        name for name in incidental if any(there["in"] == "path" for there in by_id[name].get("parameters", ()))
    }
    assert with_ids - linked == {"receiveAlerts"}


async def test_words_are_for_clients_not_for_readers_of_the_code(document: Document) -> None:
    texts = [*parts(document.told, "description"), *parts(document.told, "summary")]
    assert [text for text in texts if isinstance(text, str) and re.search(r"contracts/|\n +", text)] == []


async def test_it_is_the_same_for_everybody_and_small_enough_to_be_read(node: Callers) -> None:
    first = await node.client.get("/schema/openapi.json")
    second = await node.client.get("/schema/openapi.json", headers={"Authorization": "Bearer nobody"})
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert len(json.dumps(first.json())) < 2_000_000
