"""``/admin``: tenants and keys over HTTP (contracts/incidents.md 0.4 and 0.6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.administering import OWNER, Callers, callers

NEW_TENANT = {"id": "acme", "name": "Acme", "plan": "free"}


@pytest.fixture
async def admin(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as them:
        yield them


async def test_a_tenant_is_registered_once(admin: Callers) -> None:
    first = await admin.ask(OWNER, "POST", "/admin/tenants", NEW_TENANT)
    assert (first.status_code, first.json()) == (201, {**NEW_TENANT, "entitlements": []})
    assert int(first.headers["Annals-Position"]) > 0
    again = await admin.ask(OWNER, "POST", "/admin/tenants", NEW_TENANT)
    assert (again.status_code, again.json()["type"]) == (409, "CONFLICT")


async def test_a_tenant_gets_another_plan_or_entitlements(admin: Callers) -> None:
    await admin.register("acme")
    granted = await admin.ask(OWNER, "PATCH", "/admin/tenants/acme", {"entitlements": ["analytics"]})
    assert (granted.status_code, granted.json()["entitlements"]) == (200, ["analytics"])
    moved = await admin.ask(OWNER, "PATCH", "/admin/tenants/acme", {"plan": "pro", "entitlements": None})
    assert moved.json() == {"id": "acme", "name": "Acme", "plan": "pro", "entitlements": ["analytics"]}


async def test_a_key_is_shown_once_opens_and_is_refused_as_soon_as_it_is_revoked(admin: Callers) -> None:
    await admin.register("acme")
    issued = await admin.key("acme", "admin")
    assert set(issued) == {"id", "tenantId", "role", "name", "key"}
    assert issued["key"].startswith(f"ann_{issued['id']}_")
    assert len(issued["key"].rpartition("_")[2]) * 4 >= 128
    body = {"tenantId": "acme", "role": "viewer", "name": "eye"}
    assert (await admin.ask(issued["key"], "POST", "/admin/keys", body)).status_code == 201
    gone = await admin.ask(OWNER, "DELETE", f"/admin/keys/{issued['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await admin.ask(issued["key"], "POST", "/admin/keys", body)).status_code == 401
    assert (await admin.ask(OWNER, "DELETE", f"/admin/keys/{issued['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("/admin/tenants", {}, ["#/id", "#/name", "#/plan"]),
        ("/admin/tenants", {**NEW_TENANT, "id": "Acme Ltd"}, ["#/id"]),
        ("/admin/tenants", {**NEW_TENANT, "id": "a" * 64}, ["#/id"]),
        ("/admin/tenants", {**NEW_TENANT, "plan": "gold", "entitlements": ["magic"]}, ["#/plan", "#/entitlements/0"]),
        ("/admin/keys", {"tenantId": "acme", "role": "king", "name": "k"}, ["#/role"]),
        ("/admin/keys", {}, ["#/tenantId", "#/role", "#/name"]),
    ],
)
async def test_wrong_fields_are_pointed_at(admin: Callers, path: str, body: Any, pointers: list[str]) -> None:
    answer = await admin.ask(OWNER, "POST", path, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


NOT_A_TENANT_OR_KEY = (
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b'{"id": 1}',
    b'{"id": "a\\u0000b", "name": "n", "plan": "free"}',
    b'{"id": "\\ud800", "name": "n", "plan": "free"}',
    b'{"id": "acme", "name": "n", "plan": "free", "owner": true}',
    b"[" * 100_000,
    b'{"id":' * 100_000,
    b'{"name": "' + b"x" * 1_100_000 + b'"}',
)


@pytest.mark.parametrize("path", ["/admin/tenants", "/admin/keys"])
async def test_a_body_that_is_not_the_operations_is_a_problem_and_nothing_is_stored(admin: Callers, path: str) -> None:
    for body in NOT_A_TENANT_OR_KEY:
        answer = await admin.ask(OWNER, "POST", path, body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, body[:40]
        assert answer.json()["type"] in {"HTTP_REQUEST_BODY", "VALIDATION"}, body[:40]
    assert (await admin.ask(OWNER, "POST", "/admin/tenants", NEW_TENANT)).status_code == 201


async def test_another_media_type_is_not_read(admin: Callers) -> None:
    answer = await admin.ask(OWNER, "POST", "/admin/tenants", b"id=acme", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["type"]) == (415, "HTTP_MEDIA_TYPE")


@pytest.mark.parametrize("role", ["viewer", "worker", "operator", "auditor"])
async def test_below_admin_nobody_administers(admin: Callers, role: str) -> None:
    key = (await admin.key("default", role))["key"]
    for method, path in (
        ("POST", "/admin/tenants"),
        ("PATCH", "/admin/tenants/default"),
        ("POST", "/admin/keys"),
        ("DELETE", "/admin/keys/K1"),
    ):
        answer = await admin.ask(key, method, path, {})
        assert (answer.status_code, answer.json()["type"]) == (403, "FORBIDDEN")


async def test_tenants_are_administered_by_owners_of_the_default_tenant_alone(admin: Callers) -> None:
    await admin.register("acme")
    for key in (await admin.key("acme", "owner"), await admin.key("default", "admin")):
        assert (await admin.ask(key["key"], "POST", "/admin/tenants", NEW_TENANT)).status_code == 403
        assert (await admin.ask(key["key"], "PATCH", "/admin/tenants/acme", {"plan": "pro"})).status_code == 403


async def test_an_admin_makes_no_key_above_their_own_role(admin: Callers) -> None:
    key = (await admin.key("default", "admin"))["key"]
    answer = await admin.ask(key, "POST", "/admin/keys", {"tenantId": "default", "role": "owner", "name": "me"})
    assert (answer.status_code, answer.json()["type"]) == (403, "FORBIDDEN")


async def test_another_tenants_key_and_tenant_are_answered_exactly_like_unknown_ones(admin: Callers) -> None:
    await admin.register("acme")
    await admin.register("rival")
    theirs = await admin.key("acme", "viewer")
    rival = (await admin.key("rival", "owner"))["key"]
    unknown_id = "01JDZZZZZZZZZZZZZZZZZZZZZZ"
    foreign = await admin.ask(rival, "DELETE", f"/admin/keys/{theirs['id']}")
    unknown = await admin.ask(rival, "DELETE", f"/admin/keys/{unknown_id}")
    assert foreign.text.replace(theirs["id"], unknown_id) == unknown.text
    assert foreign.status_code == unknown.status_code == 404
    assert set(foreign.headers) == set(unknown.headers)
    bodies = [{"tenantId": tenant, "role": "viewer", "name": "spy"} for tenant in ("acme", "nobody")]
    there, nowhere = [await admin.ask(rival, "POST", "/admin/keys", body) for body in bodies]
    assert there.text.replace("acme", "nobody") == nowhere.text
    assert there.status_code == nowhere.status_code == 404
    assert (await admin.ask(theirs["key"], "POST", "/process-instances/query", {})).status_code == 200


async def test_the_administration_is_documented_with_examples(admin: Callers) -> None:
    document = (await admin.client.get("/schema/openapi.json")).json()
    operations = {
        operation["operationId"]: operation
        for path, methods in document["paths"].items()
        if path.startswith("/admin/")
        for operation in methods.values()
    }
    assert {"registerTenant", "changeTenant", "issueKey", "revokeKey"} <= set(operations)
    for name in ("registerTenant", "changeTenant", "issueKey"):
        content = operations[name]["requestBody"]["content"]["application/json"]
        assert content["schema"]["properties"]
        assert content["examples"]
    assert {"201", "400", "401", "403", "409"} <= set(operations["registerTenant"]["responses"])
