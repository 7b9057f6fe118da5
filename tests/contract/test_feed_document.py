"""The feed in the OpenAPI document: what it says of operations, bodies and refusals is true (incidents.md 2)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import jsonschema_rs
import pytest

from api.feed.errors import CODES
from tests.contract.feeding import BREACH, FEED, FIGURES, OUTSIDE, FeedClient, feed_client

OPERATIONS = {
    "listFeedIncidents",
    "createFeedIncident",
    "createFeedIncidentInChat",
    "getFeedIncident",
    "moveFeedIncident",
    "rateFeedIncident",
    "showFeedIncidentHistory",
    "mergeFeedIncident",
    "showFeedFigures",
}


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database) as client:
        yield client


class Document:
    """The document, by operations."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = document["components"]
        self.operations: Mapping[str, tuple[str, str, Any]] = {
            described["operationId"]: (method.upper(), path, described)
            for path, methods in document["paths"].items()
            for method, described in methods.items()
            if described["operationId"] in OPERATIONS
        }

    def require(self, schema: Mapping[str, Any], body: Any) -> None:
        """Require that a body is of a schema, and that the schema knows each of its members."""
        jsonschema_rs.Draft202012Validator({**schema, "components": self._components}).validate(body)
        named = self._components["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        assert set(body) <= set(named["properties"])

    def answers(self, operation: str, status: int, body: Any) -> None:
        """Require that a body is what an operation is said to answer."""
        responses = self.operations[operation][2]["responses"]
        self.require(responses[str(status)]["content"]["application/json"]["schema"], body)


@pytest.fixture
async def document(feed: FeedClient) -> Document:
    return Document(await feed.ok("GET", "/schema/openapi.json"))


async def test_every_operation_is_documented_under_the_feed(document: Document) -> None:
    assert set(document.operations) == OPERATIONS
    for _, _, described in document.operations.values():
        assert described["tags"] == ["feed"]
        assert described["summary"]


async def test_every_refusal_is_told_with_an_example_in_the_form_of_the_feed(document: Document) -> None:
    for name, (_, _, described) in document.operations.items():
        refusals = {int(status): told for status, told in described["responses"].items() if int(status) >= 400}
        assert {400, 401, 429, 503} <= set(refusals), name
        for status, told in refusals.items():
            content = told["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/FeedError"}, (name, status)
            (example,) = content["examples"].values()
            document.require(content["schema"], example["value"])
            assert example["value"]["error"] == CODES[status]


async def test_every_body_is_told_with_an_example_that_is_taken(feed: FeedClient, document: Document) -> None:
    taken = set()
    for name, (method, path, described) in document.operations.items():
        if "requestBody" not in described:
            continue
        content = described["requestBody"]["content"]["application/json"]
        (example,) = content["examples"].values()
        document.require(content["schema"], example["value"])
        incident, body = await feed.opened(BREACH), example["value"]
        if "into" in body:
            body = {"into": await feed.opened(BREACH)}
        answer = await feed.call(method, path.replace("{incident_id}", incident), body)
        document.answers(name, answer.status_code, answer.json())
        assert answer.is_success
        taken.add(name)
    assert len(taken) == 5


async def test_answers_are_as_the_document_says(feed: FeedClient, document: Document) -> None:
    incidents = [await feed.opened(BREACH), await feed.opened(OUTSIDE), (await feed.created())["incidentId"]]
    document.answers("listFeedIncidents", 200, await feed.page("limit=1"))
    document.answers("listFeedIncidents", 200, await feed.page())
    document.answers("showFeedFigures", 200, await feed.ok("GET", FIGURES))
    for incident in incidents:
        document.answers("getFeedIncident", 200, await feed.shown(incident))
        document.answers("showFeedIncidentHistory", 200, await feed.ok("GET", f"{FEED}/{incident}/history"))


async def test_the_words_that_parameters_may_have_are_told(document: Document) -> None:
    parameters = {told["name"]: told["schema"] for told in document.operations["listFeedIncidents"][2]["parameters"]}
    assert parameters["severity"]["enum"] == ["critical", "high", "medium", "low"]
    assert parameters["status"]["enum"] == [
        "open",
        "triaging",
        "investigating",
        "awaiting_approval",
        "remediating",
        "resolved",
        "closed",
    ]
    assert parameters["sort"]["enum"] == ["createdAt"]
    assert parameters["order"]["enum"] == ["desc", "asc"]
    assert [parameters["limit"][key] for key in ("minimum", "maximum", "default")] == [1, 100, 20]
    assert "cursor" in parameters
