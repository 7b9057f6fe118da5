"""Tokens as issuers make them, and the keys that they sign them with."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

SECRET = "the secret under which the tests sign"  # noqa: S105  (it guards nothing)

#: Seconds. Tokens are made when tests are collected, and used much later.
DAY = 86_400

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


@cache
def rsa(name: str = "rsa", bits: int = 2048) -> RSAPrivateKey:
    """Return the RSA key of that name; each name has one of its own."""
    return generate_rsa(65_537, bits)


@cache
def elliptic(name: str = "ec") -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@cache
def edwards(name: str = "ed") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def claims(**more: Any) -> dict[str, Any]:
    """Return the claims of a token in order; a claim that is given as ``...`` is left out."""
    now = int(time.time())
    given = {
        "iss": "annals",
        "aud": "annals",
        "exp": now + DAY,
        "sub": "ada",
        "email": "ada@acme.example",
        "tenant_id": "acme",
        "roles": ["operator"],
    } | more
    return {name: value for name, value in given.items() if value is not ...}


def token(algorithm: str = "HS256", key: Any = SECRET, header: Mapping[str, Any] | None = None, **more: Any) -> str:
    """Return a token that is signed as its algorithm says."""
    return jwt.encode(claims(**more), key, algorithm, dict(header or {}))


def in_parts(header: Any, payload: Any, signature: bytes = b"") -> str:
    """Put a token together from what may be anything; bytes are taken as they are."""
    return ".".join(_part(part) for part in (header, payload, signature))


def signed(header: Any, payload: Any, key: bytes = SECRET.encode()) -> str:
    """Return a token signed with HMAC-SHA-256, whatever its header says."""
    said = f"{_part(header)}.{_part(payload)}"
    return f"{said}.{_part(hmac.digest(key, said.encode(), hashlib.sha256))}"


def _part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public(kid: str | None, key: PrivateKey, **more: Any) -> dict[str, Any]:
    """Return the public half of a key as a member of a JWKS."""
    if isinstance(key, RSAPrivateKey):
        member = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, Ed25519PrivateKey):
        member = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        member = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**member, **({} if kid is None else {"kid": kid}), **more}


def jwks(*members: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": members}).encode()


def published() -> bytes:
    """Return the keys of the issuer that the tests trust."""
    return jwks(public("r1", rsa()), public("e1", elliptic()), public("d1", edwards()))
