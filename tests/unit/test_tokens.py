"""Who holds a token: those that are in order, and a corpus of those that are not."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.access.events import Role
from domain.access.tenant import Tenant
from infra.token_keys import KeySet, SecretAndKeySet
from infra.tokens import LEEWAY, Bearer, Party, Tokens
from tests.unit.forged_tokens import forged
from tests.unit.token_minting import DAY, SECRET, claims, edwards, elliptic, published, rsa, signed, token

PARTY = Party("annals", "annals")


class OneTenant:
    """A deployment with the tenant ``acme`` alone."""

    async def tenant(self, tenant_id: str) -> Tenant | None:
        return Tenant("Acme", "pro", ("analytics",)) if tenant_id == "acme" else None


async def load() -> bytes:
    return published()


def door(secret: str | None = SECRET, party: Party = PARTY) -> Tokens:
    return Tokens(SecretAndKeySet(secret, KeySet(load)), OneTenant(), party, lambda: datetime.now(UTC))  # noqa: TID251  (PyJWT looks at the same clock)


async def bearer(**more: Any) -> Bearer:
    found = await door().bearer(token(**more))
    assert found is not None
    return found


FORGED = dict(forged())


def test_the_corpus_is_large() -> None:
    assert len(FORGED) > 100


@pytest.mark.parametrize("fault", FORGED)
async def test_a_token_that_is_not_in_order_is_nobodys(fault: str) -> None:
    assert await door().bearer(FORGED[fault]) is None


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [
        ("HS256", SECRET, None),
        ("HS256", SECRET, "r1"),
        ("RS256", rsa(), "r1"),
        ("RS256", rsa(), None),
        ("ES256", elliptic(), "e1"),
        ("EdDSA", edwards(), "d1"),
        ("EdDSA", edwards(), None),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 6 else "",
)
async def test_a_token_opens_under_each_key_that_is_trusted(algorithm: str, key: Any, kid: str | None) -> None:
    found = await door().bearer(token(algorithm, key, {"kid": kid} if kid else {}))
    assert found is not None
    assert found.caller.actor.kind == "user"


async def test_the_caller_is_whom_the_claims_name_with_what_their_tenant_has() -> None:
    caller = (await bearer(roles=["operator"])).caller
    assert (caller.tenant, caller.role, caller.actor.id) == ("acme", "operator", "ada")
    assert (caller.email, caller.plan, set(caller.entitlements)) == ("ada@acme.example", "pro", {"analytics"})


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["viewer", "admin", "operator"], "admin"),
        (["owner", "viewer"], "owner"),
        (["viewer", "offline_access", "uma"], "viewer"),
        (["viewer", "auditor"], "auditor"),
        (["auditor", "worker"], "worker"),
        (["worker", "operator"], "operator"),
        (["worker", "viewer"], "worker"),
    ],
    ids=str,
)
async def test_of_several_roles_the_highest_counts(roles: list[str], role: Role) -> None:
    assert (await bearer(roles=roles)).caller.role == role


@pytest.mark.parametrize(
    "more",
    [
        {"aud": ["other", "annals"]},
        {"email": ...},
        {"email": None},
        {"exp": time.time() + DAY + 0.5},
        {"nbf": int(time.time())},
        {"iat": int(time.time())},
        {"typ": "Bearer"},
        {"tags": {"a": [1]}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jku": "https://evil.example", "x5u": "https://evil.example", "jwk": {"kty": "oct"}}},
    ],
    ids=str,
)
async def test_what_else_a_token_says_does_no_harm(more: dict[str, Any]) -> None:
    await bearer(**more)


async def test_clocks_may_differ_by_the_leeway() -> None:
    now = int(time.time())
    await bearer(exp=now - LEEWAY + 3)
    await bearer(nbf=now + LEEWAY - 3)
    assert await door().bearer(token(exp=now - LEEWAY - 1)) is None
    assert await door().bearer(token(nbf=now + LEEWAY + 3)) is None


async def test_a_token_holds_until_it_expires() -> None:
    assert 28 < (await bearer(exp=int(time.time()) + 20)).seconds <= 30


async def test_issuer_and_audience_are_those_of_the_deployment() -> None:
    ours = door(party=Party("https://id.acme.example", "incidents"))
    assert await ours.bearer(token()) is None
    assert await ours.bearer(token(iss="https://id.acme.example", aud="incidents"))


async def test_a_short_secret_is_one_all_the_same() -> None:
    short = "sixteen letters."
    assert await door(secret=short).bearer(signed({"alg": "HS256"}, claims(), short.encode()))
    assert await door(secret=short).bearer(signed({"alg": "HS256"}, claims(), b"sixteen letters")) is None


async def test_without_a_secret_no_token_is_taken_under_one() -> None:
    assert await door(secret=None).bearer(token()) is None
    assert await door(secret=None).bearer(token("RS256", rsa(), {"kid": "r1"}))
