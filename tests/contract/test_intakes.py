"""``/admin/intakes``: where other systems may hand in alerts, and what is known of their secrets (incidents.md 0.6)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import CUSTOM, sender

UNKNOWN = "01JDZZZZZZZZZZZZZZZZZZZZZZ"

NEW: Mapping[str, Any] = {"tenantId": "acme", "provider": "custom", "name": "Disk watcher"}

TABLES = """
select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
 where schemaname not in ('pg_catalog', 'information_schema')
"""


@pytest.fixture
async def admin(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as them:
        await them.register("acme")
        await them.register("rival")
        yield them


async def everything_in(database: str) -> str:
    """Return every row of every table; bytes come in hex."""
    connection = await asyncpg.connect(database)
    try:
        tables = [row[0] for row in await connection.fetch(TABLES)]
        rows = [row for table in tables for row in await connection.fetch(f"select t::text from {table} t")]
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows)


async def test_an_intake_is_opened_and_its_secret_shown_this_once(admin: Callers) -> None:
    opened = await admin.ask(OWNER, "POST", "/admin/intakes", NEW)
    assert opened.status_code == 201
    assert int(opened.headers["Annals-Position"]) > 0
    told = opened.json()
    assert set(told) == {"id", "provider", "url", "secret"}
    assert told["provider"] == "custom"
    assert told["url"] == "http://testserver.local/v1/webhooks/acme/custom"
    assert len(told["secret"]) == 64
    assert int(told["secret"], 16)
    listed = await admin.ask(OWNER, "GET", "/admin/intakes")
    assert told["secret"] not in listed.text


async def test_an_intake_for_pagerduty_comes_with_a_routing_key_for_who_cannot_sign(admin: Callers) -> None:
    told = (await admin.ask(OWNER, "POST", "/admin/intakes", {**NEW, "provider": "pagerduty"})).json()
    assert set(told) == {"id", "provider", "url", "secret", "routingKey"}
    assert len(told["routingKey"]) == 32


async def test_open_intakes_are_listed_without_what_opens_them(admin: Callers) -> None:
    ours = await sender(admin, "custom", "acme")
    theirs = await sender(admin, "pagerduty", "rival")
    everyones = (await admin.ask(OWNER, "GET", "/admin/intakes")).json()
    assert [row["id"] for row in everyones["intakes"]] == [ours.opened["id"], theirs.opened["id"]]
    key = (await admin.key("acme", "admin"))["key"]
    own = (await admin.ask(key, "GET", "/admin/intakes")).json()
    assert own["count"] == 1
    (row,) = own["intakes"]
    assert row.pop("openedAt").endswith("Z")
    assert row == {
        "id": ours.opened["id"],
        "tenantId": "acme",
        "provider": "custom",
        "name": "the custom of acme",
        "url": ours.opened["url"],
    }
    assert (await admin.ask(OWNER, "GET", "/admin/intakes?tenantId=rival")).json()["count"] == 1
    for tenant in ("rival", "nobody"):
        assert (await admin.ask(key, "GET", f"/admin/intakes?tenantId={tenant}")).json() == {"intakes": [], "count": 0}
    await admin.ask(OWNER, "DELETE", f"/admin/intakes/{ours.opened['id']}")
    assert (await admin.ask(key, "GET", "/admin/intakes")).json() == {"intakes": [], "count": 0}
    assert (await admin.ask(OWNER, "GET", "/admin/intakes")).json()["count"] == 1


async def test_nothing_is_taken_at_an_intake_that_is_closed(admin: Callers) -> None:
    closed, kept = await sender(admin, "custom", "acme"), await sender(admin, "custom", "acme")
    assert (await closed.hands_in(CUSTOM)).status_code == 202
    gone = await admin.ask(OWNER, "DELETE", f"/admin/intakes/{closed.opened['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await closed.hands_in(CUSTOM)).status_code == 401
    assert (await kept.hands_in(CUSTOM)).status_code == 200
    again = await admin.ask(OWNER, "DELETE", f"/admin/intakes/{closed.opened['id']}")
    assert (again.status_code, again.json()["type"]) == (404, "NOT_FOUND")


async def test_what_one_node_opens_and_closes_counts_on_another_within_a_second(admin: Callers, database: str) -> None:
    async with callers(database) as elsewhere:
        here = await sender(admin, "custom", "acme")
        here.callers = elsewhere
        assert (await here.hands_in(CUSTOM)).status_code == 202
        assert (await admin.ask(OWNER, "DELETE", f"/admin/intakes/{here.opened['id']}")).status_code == 204
        await asyncio.sleep(1.0)
        assert (await here.hands_in(CUSTOM)).status_code == 401


async def test_the_database_holds_no_secret_of_an_intake_nor_a_routing_key(admin: Callers, database: str) -> None:
    custom, pagerduty = await sender(admin, "custom", "acme"), await sender(admin, "pagerduty", "acme")
    assert (await custom.hands_in(CUSTOM)).status_code == 202
    event = {"event_action": "trigger", "dedup_key": "k", "payload": {"summary": "slow"}}
    assert (await pagerduty.triggers(event)).status_code == 202
    stored = await everything_in(database)
    assert CUSTOM["title"].encode().hex() in stored  # it is looked for in the right place
    for shown in (custom.opened["secret"], pagerduty.opened["secret"], pagerduty.opened["routingKey"]):
        assert shown not in stored
        assert shown.encode().hex() not in stored
        assert shown not in custom.opened["id"] + pagerduty.opened["id"]


@pytest.mark.parametrize("role", ["viewer", "worker", "operator", "auditor"])
async def test_below_admin_nobody_has_to_do_with_intakes(admin: Callers, role: str) -> None:
    key = (await admin.key("acme", role))["key"]
    for method, path in (
        ("POST", "/admin/intakes"),
        ("GET", "/admin/intakes"),
        ("DELETE", f"/admin/intakes/{UNKNOWN}"),
    ):
        answer = await admin.ask(key, method, path, NEW)
        assert (answer.status_code, answer.json()["type"]) == (403, "FORBIDDEN")


async def test_admins_open_and_close_intakes_of_their_own_tenant(admin: Callers) -> None:
    key = (await admin.key("acme", "admin"))["key"]
    opened = await sender(admin, "alertmanager", "acme", by=key)
    assert (await admin.ask(key, "DELETE", f"/admin/intakes/{opened.opened['id']}")).status_code == 204


async def test_another_tenants_intake_and_tenant_are_answered_exactly_like_unknown_ones(admin: Callers) -> None:
    theirs = (await sender(admin, "custom", "acme")).opened["id"]
    rival = (await admin.key("rival", "owner"))["key"]
    foreign = await admin.ask(rival, "DELETE", f"/admin/intakes/{theirs}")
    unknown = await admin.ask(rival, "DELETE", f"/admin/intakes/{UNKNOWN}")
    no_id = await admin.ask(rival, "DELETE", "/admin/intakes/'%3B--")
    assert foreign.text.replace(theirs, UNKNOWN) == unknown.text
    assert {answer.status_code for answer in (foreign, unknown, no_id)} == {404}
    assert set(foreign.headers) == set(unknown.headers)
    there, nowhere = [
        await admin.ask(rival, "POST", "/admin/intakes", {**NEW, "tenantId": tenant}) for tenant in ("acme", "nobody")
    ]
    assert there.text.replace("acme", "nobody") == nowhere.text
    assert there.status_code == nowhere.status_code == 404
    assert (await admin.ask(OWNER, "GET", "/admin/intakes")).json()["count"] == 1


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["#/tenantId", "#/provider", "#/name"]),
        ({**NEW, "provider": "datadog"}, ["#/provider"]),
        ({**NEW, "tenantId": "../acme"}, ["#/tenantId"]),
        ({**NEW, "name": " "}, ["#/name"]),
        ({**NEW, "name": "x" * 201}, ["#/name"]),
        ({**NEW, "name": "\u0007"}, ["#/name"]),
    ],
)
async def test_wrong_fields_are_pointed_at(admin: Callers, body: Any, pointers: list[str]) -> None:
    answer = await admin.ask(OWNER, "POST", "/admin/intakes", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_a_body_that_is_none_is_a_problem(admin: Callers) -> None:
    for body in (b"", b"null", b"[]", b"{", b"\xff", b'{"name": 1}', b'{"secret": "mine"}', b"[" * 100_000):
        answer = await admin.ask(OWNER, "POST", "/admin/intakes", body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, body[:40]
    other = await admin.ask(OWNER, "POST", "/admin/intakes", b"a=b", headers={"Content-Type": "text/plain"})
    assert other.status_code == 415
    assert (await admin.ask(OWNER, "GET", "/admin/intakes")).json()["count"] == 0


async def test_the_operations_are_documented_with_examples_and_their_refusals(admin: Callers) -> None:
    paths = (await admin.client.get("/schema/openapi.json")).json()["paths"]
    opening = paths["/admin/intakes"]["post"]
    assert opening["requestBody"]["content"]["application/json"]["examples"]
    assert {"201", "400", "401", "403", "404", "409", "415", "503"} <= set(opening["responses"])
    webhook = paths["/v1/webhooks/{tenant_id}/{provider}"]["post"]
    assert webhook["tags"] == ["feed"]
    assert len(webhook["requestBody"]["content"]["application/json"]["examples"]) == 3
    assert {"200", "202", "400", "401", "404", "409", "415", "429", "500", "503"} == set(webhook["responses"])
    examples = webhook["responses"]["401"]["content"]["application/json"]["examples"]
    assert {example["value"]["error"] for example in examples.values()} == {"invalid_signature"}
    assert {"X-Webhook-Signature", "X-API-Key"} <= {parameter["name"] for parameter in webhook["parameters"]}
