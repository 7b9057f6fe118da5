"""Tokens (JWT, RFC 7519) that others sign for people: who holds one (contracts/incidents.md 0.4; RFC 8725).

Signatures, times, issuer and audience are checked by PyJWT, under the algorithm of the key that we have. Before that
the token is read strictly, because JSON allows what no honest issuer writes: a name twice, a number that is none.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import jwt

from domain.access.caller import Caller
from domain.access.roles import highest
from domain.access.tenant import Tenant
from infra.token_keys import TokenKeys

#: A JSON object, another one, and a signature (RFC 7515, 3.1), each in base64: an object begins with a brace. No token
#: that names a person and their roles comes near the length.
TOKEN = re.compile(r"e[w-z][\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
LONGEST_TOKEN = 8192

#: Seconds by which the clocks of issuers may differ from ours.
LEEWAY = 10
#: The end of the year 9999: what is beyond it is no time.
LAST_SECOND = 253_402_300_799

#: How histories name us and API keys: nobody who is called like that could be told from them.
SYSTEM, OF_KEYS = "system", "key:"

LONGEST_NAME = 255
LONGEST_EMAIL = 320
MOST_ROLES = 1_000

#: What a header may say that the token is (RFC 9068 has a type of its own for access tokens); ID tokens and all others
#: are for somebody else.
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
#: Members that change what is signed, or how: nothing of ours uses them.
FOREIGN_MEMBERS = frozenset({"crit", "b64", "cty", "enc", "zip", "p2s", "p2c", "epk", "apu", "apv"})
#: Claims of ID tokens (OpenID Connect Core, 2 and 3.3.2.11).
OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
#: What Keycloak says in the claim ``typ`` of an access token, as against ``ID``, ``Refresh`` and ``Logout``.
ACCESS = frozenset({"bearer"})

Members = Mapping[str, Any]


class Bearer(NamedTuple):
    """Who holds a token, and for how many seconds yet."""

    caller: Caller
    seconds: float


class Party(NamedTuple):
    """Whom a token must be from and for (``iss``, ``aud``)."""

    issuer: str
    audience: str


class Tenants(Protocol):
    """What is known of tenants."""

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, ``None`` for an unknown one."""


class Tokens:
    """Finds out who holds a token; ``wall`` is the clock on the wall."""

    def __init__(self, keys: TokenKeys, tenants: Tenants, party: Party, wall: Callable[[], datetime]) -> None:
        self._keys = keys
        self._tenants = tenants
        self._party = party
        self._wall = wall

    async def bearer(self, token: str) -> Bearer | None:
        """Return who holds a token, None for every one that is not in order; raise ``Unavailable`` in an outage."""
        try:
            claims = await self._verified(token)
            caller = await self._caller(claims)
        except _Refused:
            return None
        return Bearer(caller, claims["exp"] + LEEWAY - self._wall().timestamp())

    async def _verified(self, token: str) -> Members:
        """Return the claims of a token that is signed by whom we trust, for us, and is valid now."""
        header, claims = _read(token)
        _check_header(header)
        _check_claims(claims)
        key = await self._keys.find(header["alg"], header.get("kid"))
        if key is None:
            raise _Refused
        try:
            verified: Members = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                issuer=self._party.issuer,
                audience=self._party.audience,
                leeway=LEEWAY,
                options={"require": ["iss", "aud", "exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError) as error:
            raise _Refused from error
        return verified

    async def _caller(self, claims: Members) -> Caller:
        tenant_id, sub = _text(claims, "tenant_id"), _text(claims, "sub")
        email = "" if claims.get("email") in ("", None) else _text(claims, "email", LONGEST_EMAIL)
        role = highest(_roles(claims))
        if role is None or sub == SYSTEM or sub.startswith(OF_KEYS):
            raise _Refused
        tenant = await self._tenants.tenant(tenant_id)
        if tenant is None:
            raise _Refused
        return Caller(tenant_id, role, sub, sub, tenant.entitlements, "user", email, tenant.plan)


class _Refused(Exception):
    """A token is not in order; nobody is told more than that."""


def _read(token: str) -> tuple[Members, Members]:
    """Return the header and the claims of a token, as yet unverified."""
    if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        raise _Refused
    header, claims, _ = token.split(".")
    return _members(header), _members(claims)


def _members(part: str) -> Members:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        members = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _Refused from error
    if not isinstance(members, dict):
        raise _Refused
    return members


def _once(pairs: Sequence[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _no_number(_constant: str) -> None:
    raise _Refused


def _check_header(header: Members) -> None:
    kid, kind = header.get("kid"), header.get("typ", "JWT")
    if not isinstance(header.get("alg"), str) or not isinstance(kid, str | None) or not isinstance(kind, str):
        raise _Refused
    if kind.lower() not in TYPES or not FOREIGN_MEMBERS.isdisjoint(header):
        raise _Refused


def _check_claims(claims: Members) -> None:
    """Refuse times that are none, and tokens that are for something else than calling us."""
    for name in ("exp", "nbf", "iat"):
        moment = claims.get(name, 0)
        if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 <= moment <= LAST_SECOND:
            raise _Refused
    kind = claims.get("typ", "bearer")
    if not isinstance(kind, str) or kind.lower() not in ACCESS or not OF_ID_TOKENS.isdisjoint(claims):
        raise _Refused


def _text(claims: Members, name: str, longest: int = LONGEST_NAME) -> str:
    text = claims.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= longest or not text.isprintable():
        raise _Refused
    return text


def _roles(claims: Members) -> Sequence[str]:
    """Return the words of the claim; those that are no role of ours are other programs'."""
    words = claims.get("roles")
    if not isinstance(words, list) or len(words) > MOST_ROLES:
        raise _Refused
    if not all(isinstance(word, str) for word in words):
        raise _Refused
    return words
