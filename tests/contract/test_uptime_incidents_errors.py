"""How uptime refuses: its error form, roles, tenants, and bodies that are none (contracts/incidents.md 3.7, 0.4)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest
from httpx import Response

from tests.contract.uptime import INCIDENTS, NOWHERE, REPORT, Uptime
from tests.contract.working import Client, engine_client


class Asked(NamedTuple):
    """An operation, with a body that it takes; ``writes`` says whether it asks for an operator."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    writes: bool = False


LIST, OPEN = Asked("GET", ""), Asked("POST", "", REPORT, writes=True)
ON_ONE = (
    Asked("GET", "/<id>"),
    Asked("PUT", "/<id>", {"severity": "minor"}, writes=True),
    Asked("PUT", "/<id>/status", {"status": "acknowledged"}, writes=True),
    Asked("POST", "/<id>/acknowledge", None, writes=True),
    Asked("GET", "/<id>/affected-checks"),
    Asked("POST", "/<id>/updates", {"message": "hm"}, writes=True),
    Asked("GET", "/<id>/updates"),
)
ALL = (LIST, OPEN, *ON_ONE)
WITH_BODY = [asked for asked in ALL if asked.body is not None]

#: Ids that are none, as they stand in a path.
NO_IDS = (
    "1",
    "inc_",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "inc_01arz3ndektsv4rrffq69g5fav",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAVX",
    "chk_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "INC_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "inc_%00",
    "%C3%BC",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FA%27",
    "x" * 2000,
)

NO_BODIES = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b'{"severity": "\\ud800"}',
    b"[" * 100_000,
    b'{"message":' * 100_000,
    b'{"message": "' + b"x" * 1_100_000 + b'"}',
)

#: Headers that differ between any two answers.
VARYING = {"date", "content-length", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"}


#: Bodies of a move with one thing wrong.
WRONG_MOVES: tuple[dict[str, Any], ...] = (
    {},
    {"status": ""},
    {"status": "triaging"},
    {"status": "OPEN"},
    {"status": 1},
    {"status": None},
    {"status": "resolved", "note": "n" * 501},
    {"status": "resolved", "note": "a\u0000b"},
    {"status": "resolved", "note": 5},
    {"status": "resolved", "assignee_id": ""},
    {"status": "resolved", "assignee_id": " "},
    {"status": "resolved", "assignee_id": "a" * 129},
    {"status": "resolved", "severity": "minor"},
    {"status": "resolved", "resolved_at": 0},
)


@pytest.fixture(scope="module")
async def client(shared_database: str) -> AsyncIterator[Client]:
    async with engine_client(shared_database) as client:
        await client.ok("POST", "/admin/tenants", {"id": "rival", "name": "Rival", "plan": "enterprise"})
        yield client


async def key(client: Client, role: str, tenant: str = "default") -> str:
    body = {"tenantId": tenant, "role": role, "name": f"the {role}"}
    issued: str = (await client.ok("POST", "/admin/keys", body))["key"]
    return issued


async def ask(client: Client, asked: Asked, incident: str, key: str) -> Response:
    path = INCIDENTS + asked.path.replace("<id>", incident)
    return await client.call(asked.method, path, asked.body, Authorization=f"Bearer {key}")


def code(answer: Response) -> tuple[int, str]:
    told = answer.json()
    assert (set(told), told["success"]) == ({"success", "error"}, False)
    return answer.status_code, told["error"]["code"]


async def test_without_a_credential_nothing_is_told(client: Client) -> None:
    for asked in ALL:
        answer = await ask(client, asked, NOWHERE, "ann_nobody_x")
        assert code(answer) == (401, "AUTHENTICATION_ERROR")
        assert "Bearer" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("role", ["viewer", "auditor", "worker"])
async def test_who_only_reads_may_write_nothing(client: Client, role: str) -> None:
    incident = (await Uptime(client).opened())["id"]
    credential = await key(client, role)
    for asked in ALL:
        answer = await ask(client, asked, incident, credential)
        if asked.writes:
            assert code(answer) == (403, "FORBIDDEN"), asked
        else:
            assert answer.status_code == 200, asked


@pytest.mark.parametrize("role", ["operator", "admin", "owner"])
async def test_operators_and_those_above_write(client: Client, role: str) -> None:
    credential = await key(client, role)
    uptime = Uptime(client, credential)
    incident = (await uptime.opened())["id"]
    for asked in ON_ONE:
        if "/acknowledge" not in asked.path:
            assert (await ask(client, asked, incident, credential)).is_success, asked
    (added,) = [row for row in await uptime.updates(incident) if row["action"] == "comment_added"]
    assert (added["user_id"], added["user_name"]) == (f"key:the {role}", f"the {role}")
    assert (await uptime.shown(incident))["assignee_id"] == f"key:the {role}"


async def test_an_id_that_is_unknown_or_none_is_not_found(client: Client) -> None:
    credential = await key(client, "owner")
    for asked in ON_ONE:
        unknown = await ask(client, asked, NOWHERE, credential)
        assert code(unknown) == (404, "NOT_FOUND")
        for text in NO_IDS:
            answer = await ask(client, asked, text, credential)
            assert code(answer) == (404, "NOT_FOUND"), text
            assert "%" in text or answer.text.replace(text, NOWHERE) == unknown.text


@pytest.mark.parametrize("status", ["open", "closed"])
async def test_another_tenants_incident_is_answered_exactly_like_an_unknown_one(client: Client, status: str) -> None:
    theirs = await Uptime(client).brought_to(status)
    as_it_was = await Uptime(client).shown(theirs)
    for role in ("viewer", "worker", "operator", "owner"):
        credential = await key(client, role, "rival")
        for asked in ON_ONE:
            answers = [await ask(client, asked, incident, credential) for incident in (theirs, NOWHERE)]
            foreign, unknown = answers
            assert foreign.status_code == unknown.status_code in {403, 404}
            assert foreign.text.replace(theirs, NOWHERE) == unknown.text
            headers = [{n: v for n, v in answer.headers.items() if n not in VARYING} for answer in answers]
            assert headers[0] == headers[1]
    rival = Uptime(client, await key(client, "operator", "rival"))
    assert await rival.listed() == []
    assert await Uptime(client).shown(theirs) == as_it_was


@pytest.mark.parametrize("asked", WITH_BODY, ids=str)
async def test_a_body_that_is_not_the_operations_is_refused_and_nothing_is_stored(client: Client, asked: Asked) -> None:
    uptime = Uptime(client)
    as_it_was = await uptime.opened()
    before = await uptime.listed()
    for body in NO_BODIES:
        for incident in (as_it_was["id"], NOWHERE, "none"):
            path = asked.path.replace("<id>", incident)
            assert (await uptime.refused(asked.method, path, body))[:2] == (400, "VALIDATION_ERROR"), body[:40]
    assert await uptime.listed() == before
    assert len(await uptime.updates(as_it_was["id"])) == 1


async def test_a_move_that_cannot_be_read_is_refused_and_not_made(client: Client) -> None:
    uptime = Uptime(client)
    as_it_was = await uptime.opened()
    for body in WRONG_MOVES:
        status, word, details = await uptime.refused("PUT", f"/{as_it_was['id']}/status", body)
        assert (status, word, len(details)) == (400, "VALIDATION_ERROR", 1), body
    assert await uptime.shown(as_it_was["id"]) == as_it_was


@pytest.mark.parametrize("asked", WITH_BODY, ids=str)
async def test_another_media_type_is_not_read(client: Client, asked: Asked) -> None:
    incident = (await Uptime(client).opened())["id"]
    path = asked.path.replace("<id>", incident)
    refusal = await Uptime(client).refused(asked.method, path, b"severity=minor", Content_Type="text/plain")
    assert refusal[:2] == (415, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["/x/y", f"/{NOWHERE}/notes", f"/{NOWHERE}/", "/", f"/{NOWHERE}/updates/1"])
async def test_a_path_below_that_is_unknown_is_told_in_the_same_form(client: Client, path: str) -> None:
    assert (await Uptime(client).refused("GET", path))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "", {"GET", "POST"}),
        ("PATCH", f"/{NOWHERE}", {"GET", "PUT"}),
        ("GET", f"/{NOWHERE}/status", {"PUT"}),
        ("GET", f"/{NOWHERE}/acknowledge", {"POST"}),
        ("POST", f"/{NOWHERE}/affected-checks", {"GET"}),
        ("DELETE", f"/{NOWHERE}/updates", {"GET", "POST"}),
    ],
)
async def test_another_method_is_not_allowed_and_the_allowed_ones_are_named(
    client: Client, method: str, path: str, allow: set[str]
) -> None:
    answer = await client.call(method, INCIDENTS + path)
    assert code(answer) == (405, "METHOD_NOT_ALLOWED")
    assert allow <= set(answer.headers["Allow"].split(", "))


async def test_every_operation_is_documented_with_examples_of_its_body_and_its_refusals(client: Client) -> None:
    paths = (await client.ok("GET", "/schema/openapi.json"))["paths"]
    operations = {
        operation["operationId"]: operation
        for path, methods in paths.items()
        if path.startswith(INCIDENTS)
        for operation in methods.values()
    }
    assert len(operations) == len(ALL)
    for name, operation in operations.items():
        assert operation["tags"] == ["uptime"]
        assert operation["summary"]
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert set(refusals) >= {"401", "403", "429", "503"}
        for answer in refusals.values():
            (media_type,) = answer["content"].values()
            (example,) = media_type["examples"].values()
            assert (example["value"]["success"], set(example["value"])) == (False, {"success", "error"})
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
            assert "400" in refusals
    listed = {parameter["name"]: parameter for parameter in operations["listUptimeIncidents"]["parameters"]}
    filters, order = {"status", "severity", "check_id", "since"}, {"sort_by", "sort_order"}
    assert set(listed) == filters | order | {"limit", "offset", "minPosition"}
    assert all(parameter["description"] and parameter["schema"]["examples"] for parameter in listed.values())
