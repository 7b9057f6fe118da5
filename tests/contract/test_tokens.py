"""People who come with a token (JWT), asked of the whole application (contracts/incidents.md 0.4, 0.6)."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from infra.tokens import LEEWAY
from tests.contract.administering import OWNER, Callers, callers
from tests.unit.forged_tokens import forged
from tests.unit.token_minting import SECRET, edwards, elliptic, published, rsa, token

INCIDENTS = "/v1/incidents"
DRAFT = {"title": "Checkout is slow", "description": "Orders take a minute to be taken."}


@pytest.fixture
def issuer(tmp_path: Path) -> str:
    """Return the path of the keys that tokens are signed with."""
    path = tmp_path / "jwks.json"
    path.write_bytes(published())
    return str(path)


@pytest.fixture
async def node(database: str, issuer: str) -> AsyncIterator[Callers]:
    async with callers(database, jwt_secret=SECRET, jwks=issuer) as them:
        await them.register("acme", "pro")
        yield them


async def ask(node: Callers, method: str = "GET", body: Any = None, **headers: str) -> Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await node.client.request(method, INCIDENTS, json=body, headers=sent)


KEYS = [("HS256", SECRET, ""), ("RS256", rsa(), "r1"), ("ES256", elliptic(), "e1"), ("EdDSA", edwards(), "d1")]


async def test_a_token_opens_in_the_header_and_in_the_cookie(node: Callers) -> None:
    for algorithm, key, kid in KEYS:
        mine = token(algorithm, key, {"kid": kid})
        assert (await ask(node, Authorization=f"Bearer {mine}")).status_code == 200, algorithm
        assert (await ask(node, Cookie=f"theme=dark; token={mine}")).status_code == 200, algorithm


async def test_no_forged_token_opens_anything(node: Callers) -> None:
    corpus = [*forged()]
    opened = []
    for fault, text in corpus:
        line = text.replace("\n", "%0A")
        for headers in ({"Authorization": f"Bearer {line}"}, {"Cookie": f"token={line}"}):
            answer = await ask(node, **headers)
            if (answer.status_code, answer.json().get("error")) != (401, "unauthorized"):
                opened.append((fault, answer.status_code))
    assert len(corpus) > 100
    assert not opened


async def test_what_a_person_does_is_told_by_their_sub_and_email(node: Callers) -> None:
    mine = f"Bearer {token(sub='grace', email='grace@acme.example')}"
    created = await ask(node, "POST", DRAFT, Authorization=mine)
    assert created.status_code == 201, created.text
    path = f"{INCIDENTS}/{created.json()['incidentId']}/history"
    history = await node.client.get(path, headers={"Authorization": mine})
    opened = history.json()["history"][0]
    assert opened["actor"] == {"kind": "user", "id": "grace"}
    assert opened["data"]["email"] == "grace@acme.example"


@pytest.mark.parametrize(("role", "reads", "writes"), [("viewer", 200, 403), ("operator", 200, 201)])
async def test_a_persons_role_is_that_of_the_token(node: Callers, role: str, reads: int, writes: int) -> None:
    mine = f"Bearer {token(roles=[role])}"
    assert (await ask(node, Authorization=mine)).status_code == reads
    assert (await ask(node, "POST", DRAFT, Authorization=mine)).status_code == writes


async def test_a_token_of_another_tenant_sees_that_tenants_incidents_alone(node: Callers) -> None:
    await node.register("rival")
    await ask(node, "POST", DRAFT, Authorization=f"Bearer {token()}")
    theirs = await ask(node, Authorization=f"Bearer {token(tenant_id='rival')}")
    assert (theirs.status_code, theirs.json()["incidents"]) == (200, [])


async def test_a_token_opens_nothing_any_more_once_it_has_expired(node: Callers) -> None:
    ends = time.time() + 2
    mine = token(exp=ends - LEEWAY)
    assert (await ask(node, Authorization=f"Bearer {mine}")).status_code == 200
    await asyncio.sleep(ends - time.time() + 0.1)
    assert (await ask(node, Authorization=f"Bearer {mine}")).status_code == 401


async def test_of_several_credentials_the_header_counts_first_and_the_cookie_last(node: Callers) -> None:
    key, mine, nobody = (await node.key("acme", "viewer"))["key"], token(roles=["operator"]), token(roles=[])
    expected = [
        ({"Authorization": f"Bearer {nobody}", "X_API_Key": key, "Cookie": f"token={mine}"}, 401),
        ({"Authorization": f"Bearer {mine}", "X_API_Key": "wrong", "Cookie": f"token={nobody}"}, 201),
        ({"X_API_Key": key, "Cookie": f"token={mine}"}, 403),
        ({"X_API_Key": "wrong", "Cookie": f"token={mine}"}, 401),
        ({"Cookie": f"token={nobody}; token={mine}"}, 401),
        ({"Cookie": f"token={key}"}, 401),
        ({"Cookie": f"token={mine}"}, 201),
    ]
    found = [(headers, (await ask(node, "POST", DRAFT, **headers)).status_code) for headers, _ in expected]
    assert found == expected


#: What a browser says of where a write comes from, and whether it comes from here.
FROM = [
    ({}, True),
    ({"Sec_Fetch_Site": "same-origin"}, True),
    ({"Sec_Fetch_Site": "none"}, True),
    ({"Sec_Fetch_Site": "same-site"}, False),
    ({"Sec_Fetch_Site": "cross-site"}, False),
    ({"Sec_Fetch_Site": "cross-site", "Origin": "http://testserver.local"}, False),
    ({"Origin": "http://testserver.local"}, True),
    ({"Origin": "https://TestServer.local"}, True),
    ({"Origin": "http://testserver.local:8080"}, False),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "http://testserver.local.evil.example"}, False),
    ({"Origin": "http://[evil"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
]


async def test_a_cookie_counts_in_no_write_that_another_site_sends(node: Callers) -> None:
    for told, is_from_here in FROM:
        mine = token()
        for _ in range(2):  # looked up, and remembered
            answer = await ask(node, "POST", DRAFT, Cookie=f"token={mine}", **told)
            assert answer.status_code == (201 if is_from_here else 403), told
        assert (await ask(node, Cookie=f"token={mine}", **told)).status_code == 200
        assert (await ask(node, "POST", DRAFT, Authorization=f"Bearer {mine}", **told)).status_code == 201


async def test_a_write_from_another_site_is_refused_in_the_form_of_its_api(node: Callers) -> None:
    answer = await ask(node, "POST", DRAFT, Cookie=f"token={token()}", Origin="http://evil.example")
    assert answer.json()["error"] == "forbidden"
    assert answer.headers["X-RateLimit-Limit"] == "600"


async def test_a_tenant_that_is_registered_now_is_known_within_a_second(node: Callers) -> None:
    mine = f"Bearer {token(tenant_id='newcomer')}"
    assert (await ask(node, Authorization=mine)).status_code == 401
    await node.register("newcomer")
    await asyncio.sleep(1)
    assert (await ask(node, Authorization=mine)).status_code == 200


async def test_without_keys_for_tokens_none_opens_anything(database: str) -> None:
    async with callers(database) as plain:
        assert (await ask(plain, Authorization=f"Bearer {token(tenant_id='default')}")).status_code == 401
        assert (await ask(plain, Authorization=f"Bearer {OWNER}")).status_code == 200
