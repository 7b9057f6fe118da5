"""What leaves with an event and what does not; the types of events and the AsyncAPI document (docs/events.md)."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api.log.asyncapi import asyncapi_document
from domain.topics import TOPICS, UPCASTERS
from infra.event_feed.withheld import WITHHELD
from tests.contract.asyncapi_form import DOCUMENT
from tests.contract.eventing import EventClient, event_client, positions

GOLDEN = Path(__file__).parents[1] / "golden"

#: Names of members that may be secret, and those of them that are not.
SUSPICIOUS = re.compile(r"secret|hash|password|token|sealed|routing_key|credential")
HARMLESS = {("variable.set.v1", "sealed_for")}


@pytest.fixture
async def client(database: str) -> AsyncIterator[EventClient]:
    async with event_client(database) as one:
        yield one


async def test_hashes_of_keys_and_sealed_secrets_never_leave(client: EventClient) -> None:
    body = {"tenantId": "default", "provider": "pagerduty", "name": "pager"}
    intake = await client.ok("POST", "/admin/intakes", body)
    issued = await client.ok("POST", "/admin/keys", {"tenantId": "default", "role": "auditor", "name": "eye"})
    states = [json.loads(row["state"]) for row in await client.node.pools.queries.fetch("select state from log.events")]
    hidden = {state[name] for state in states for names in WITHHELD.values() for name in names if state.get(name)}
    assert len(hidden) == 4
    pages = [(await client.asked("limit=1000", Accept=kind)).text for kind in ("*/*", "application/x-ndjson")]
    for text in pages:
        assert "key.issued.v1" in text
        assert "intake.opened.v1" in text
        for secret in (
            *hidden,
            intake["secret"],
            intake["routingKey"],
            issued["key"],
            *(name for names in WITHHELD.values() for name in names),
        ):
            assert secret not in text


async def test_values_that_are_encrypted_leave_encrypted(database: str) -> None:
    async with event_client(database, encryption_keys=(b"k" * 32,)) as client:
        await client.deploy()
        await client.start(
            variables=[{"name": "pin", "data": {"encoding": "text", "value": "4711-0815", "encrypted": True}}]
        )
        (event,) = (await client.events("type=variable.set.v1"))["events"]
        assert event["data"]["encrypted"] is True
        assert "4711-0815" not in (await client.asked("limit=1000")).text


def test_every_member_that_may_be_a_secret_is_withheld_or_known_to_be_none() -> None:
    for topic, fact in TOPICS.items():
        for name in fact.__struct_fields__:
            if SUSPICIOUS.search(name) and (topic, name) not in HARMLESS:
                assert name in WITHHELD.get(topic, ()), (topic, name)
    for topic, names in WITHHELD.items():
        assert names <= set(TOPICS[topic].__struct_fields__), topic
    for old, (new, _) in UPCASTERS.items():
        assert (old in WITHHELD) == (new in WITHHELD)


async def test_every_type_has_a_schema_that_its_events_meet(client: EventClient) -> None:
    told = {one["type"]: one for one in (await client.ok("GET", "/events/types"))["types"]}
    assert set(told) == set(TOPICS)
    for topic, one in told.items():
        answer = await client.http.get(one["dataschema"])
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.json() == one["schema"]
        validator = jsonschema_rs.Draft202012Validator(one["schema"])
        for line in (GOLDEN / f"{topic}.json").read_bytes().splitlines():
            said = {name: value for name, value in json.loads(line).items() if name not in WITHHELD.get(topic, ())}
            validator.validate(said)
            assert set(said) <= set(one["schema"]["properties"])
        assert not WITHHELD.get(topic, frozenset()) & set(one["schema"]["properties"])
        assert one["description"]
        assert not re.search(r"contracts/|``|\n {2,}", json.dumps(one))
    assert (await client.call("GET", "/events/types/job.lost.v1")).status_code == 404


async def test_events_meet_the_schemas_of_the_asyncapi_document(client: EventClient) -> None:
    await client.deploy()
    await client.start()
    (job,) = await client.lock()
    await client.complete(job, error="no card")
    document = (await client.http.get("/asyncapi.json")).json()
    for event in await client.followed():
        payload = document["components"]["messages"][event["type"]]["payload"]
        jsonschema_rs.Draft202012Validator({**payload, "components": document["components"]}).validate(event)


async def test_the_asyncapi_document_is_whole(client: EventClient) -> None:
    answer = await client.http.get("/asyncapi.json")
    document = answer.json()
    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == {"/events", "/events/stream", None}
    assert set(document["components"]["messages"]) == {*TOPICS, *(f"delivered.{topic}" for topic in TOPICS)}
    for reference in references(document):
        there: Any = document
        for part in reference.removeprefix("#/").split("/"):
            there = there[part]
        assert there
    for operation in document["operations"].values():
        assert operation["action"] == "send"
    assert "key_hash" not in answer.text
    assert not re.search(r"contracts/|``", answer.text)


def test_the_asyncapi_document_has_the_form_of_one() -> None:
    validator = jsonschema_rs.Draft202012Validator(DOCUMENT)
    assert validator.is_valid(asyncapi_document())
    for path, wrong in (
        (("asyncapi",), "2.6.0"),
        (("info", "version"), None),
        (("operations", "sendEvents", "action"), "publish"),
        (("operations", "sendEvents", "channel"), "/events"),
        (("operations", "sendEvents", "bindings", "http", "method"), "FETCH"),
        (("channels", "stream", "address"), 1),
        (("channels", "stream", "servers "), []),
        (("components", "messages", "job.failed.v1", "payloads"), {}),
        (("components", "schemas", "a name"), {}),
    ):
        document = part = json.loads(json.dumps(asyncapi_document()))
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = wrong
        assert not validator.is_valid(document), path


def references(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        if isinstance(told.get("$ref"), str):
            yield told["$ref"]
        told = list(told.values())
    if isinstance(told, list):
        for part in told:
            yield from references(part)


async def test_an_event_that_cannot_be_read_stops_whoever_wants_it_and_nobody_else(client: EventClient) -> None:
    key = await client.tenant("acme")
    await client.noted(1, "alert-y", tenant="acme")
    position = await client.noted(1, "alert-z", tenant="acme")
    head = await client.noted(2)
    await client.node.pools.commands.execute(
        "update log.events set topic = 'job.lost.v9' where notification_id = $1", position
    )
    before = await client.events(f"after={position - 3}", Authorization=key)
    assert (positions(before["events"])[-1], before["next"]) == (position - 1, str(position - 1))
    status, kind, _, detail = await client.refused("GET", f"/events?after={position - 1}", Authorization=key)
    assert (status, kind) == (503, "UNAVAILABLE")
    assert f"position {position}" in detail
    assert "job.lost.v9" in detail
    assert (await client.events(f"after={position - 1}"))["next"] == str(head)
    filtered = await client.events(f"after={position - 1}&type=key.issued.v1", Authorization=key)
    assert filtered == {"events": [], "next": str(head)}
