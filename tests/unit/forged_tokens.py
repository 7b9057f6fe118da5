"""Tokens that nobody may come in with: forged, borrowed, broken, expired (RFC 8725; reliability 5.1)."""

import json
import time
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.unit.token_minting import (
    DAY,
    SECRET,
    claims,
    edwards,
    elliptic,
    in_parts,
    jwks,
    public,
    rsa,
    signed,
    token,
)

HS256 = {"alg": "HS256", "typ": "JWT"}


def forged() -> Iterator[tuple[str, str]]:
    """Yield what is wrong with each, and the token."""
    yield from _without_a_signature()
    yield from _under_another_key()
    yield from _with_a_name_for_a_key()
    yield from _that_bring_their_key_along()
    yield from _that_are_broken()
    yield from _at_another_time()
    yield from _for_somebody_else()
    yield from _of_nobody()


def _without_a_signature() -> Iterator[tuple[str, str]]:
    for word in ("none", "None", "nOnE", "NONE"):
        yield f"alg {word}", in_parts({"alg": word, "typ": "JWT"}, claims())
    yield "alg none with a signature", signed({"alg": "none"}, claims())
    for odd in (None, 256, ["HS256"], "", "hs256", "HS256 ", "HS2567"):
        yield f"alg {odd!r}", signed({"alg": odd, "typ": "JWT"}, claims())
    yield "no alg", signed({"typ": "JWT"}, claims())
    for word in ("HS256", "RS256", "ES256", "EdDSA"):
        yield f"{word} without a signature", in_parts({"alg": word, "kid": _kid(word)}, claims())


def _kid(word: str) -> str:
    return {"RS256": "r1", "ES256": "e1", "EdDSA": "d1"}.get(word, "")


def _under_another_key() -> Iterator[tuple[str, str]]:
    yield "HS256 under another secret", token(key="another secret of the same length....")
    yield "HS256 under an empty key", signed(HS256, claims(), b"")
    yield "HS256 under zeros", signed(HS256, claims(), bytes(32))
    yield "HS384 under the secret", token("HS384", SECRET + SECRET)
    yield "HS512 under the secret", token("HS512", SECRET + SECRET)
    pem, der = (
        rsa().public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    )
    for name, bytes_of_key in (("PEM", pem), ("DER", der), ("JWKS", jwks(public("r1", rsa())))):
        yield f"HS256 under the public key as {name}", signed({**HS256, "kid": "r1"}, claims(), bytes_of_key)
    yield "RS256 under another key", token("RS256", rsa("other"), {"kid": "r1"})
    yield "RS512 under the key for RS256", token("RS512", rsa(), {"kid": "r1"})
    yield "PS256 under the key for RS256", token("PS256", rsa(), {"kid": "r1"})
    yield "RS256 named as the key for ES256", token("RS256", rsa(), {"kid": "e1"})
    yield "ES256 under another key", token("ES256", elliptic("other"), {"kid": "e1"})
    yield "EdDSA under another key", token("EdDSA", edwards("other"), {"kid": "d1"})
    yield "ES256 of zeros", in_parts({"alg": "ES256", "kid": "e1"}, claims(), bytes(64))
    yield "ES256 in DER", in_parts({"alg": "ES256", "kid": "e1"}, claims(), encode_dss_signature(1, 1))
    yield "EdDSA of zeros", in_parts({"alg": "EdDSA", "kid": "d1"}, claims(), bytes(64))
    yield "RS256 of zeros", in_parts({"alg": "RS256", "kid": "r1"}, claims(), bytes(256))


def _with_a_name_for_a_key() -> Iterator[tuple[str, str]]:
    for kid in ("r2", "", "../../../../dev/null", "/dev/null", "r1' or '1'='1", "r1\0", "R1", "r" * 5000):
        yield f"kid {kid[:30]!r}", token("RS256", rsa("other"), {"kid": kid})
    yield "a kid of a file of zeros", signed({**HS256, "kid": "/dev/null"}, claims(), b"")
    for odd in (1, ["r1"], {"r1": 1}, True):
        yield f"kid {odd!r}", signed({**HS256, "kid": odd}, claims())


def _that_bring_their_key_along() -> Iterator[tuple[str, str]]:
    own = rsa("other")
    for name, value in (
        ("jwk", public("r1", own)),
        ("jku", "http://127.0.0.1:9/jwks.json"),
        ("x5u", "http://127.0.0.1:9/cert.pem"),
        ("x5c", ["MIIB"]),
    ):
        yield f"{name} in the header", token("RS256", own, {"kid": "r1", name: value})
        yield f"{name} in the header and no kid", token("RS256", own, {name: value})


def _that_are_broken() -> Iterator[tuple[str, str]]:
    good = token()
    head, body, signature = good.split(".")
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{good}.{signature}"
    yield "five parts", f"{good}.{signature}.{signature}"
    yield "a changed payload", f"{head}.{token(roles=['owner']).split('.')[1]}.{signature}"
    yield "a signature cut short", good[:-4]
    yield "a signature with another start", f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    yield "padding", f"{good}="
    yield "a line break in it", f"{head}.\n{body}.{signature}"
    for name, payload in (("nothing", b""), ("text", b"acme"), ("a list", b"[]"), ("null", b"null")):
        yield f"{name} for claims", signed(HS256, payload)
        yield f"{name} for a header", signed(payload, claims())
    yield "claims that are not UTF-8", signed(HS256, b'{"sub": "\xff"}')
    yield "claims deeper than any", signed(HS256, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")
    yield "100 kB of header", token(header={"x": "y" * 100_000})
    yield "20 kB of claims", token(x="y" * 20_000)
    text = _text(claims())
    yield "two tenants", signed(HS256, text[:-1] + b', "tenant_id": "acme"}')
    yield "two algorithms", signed(b'{"alg": "none", "alg": "HS256"}', claims())
    yield "an array of two in a claim of text", token(sub=["ada", "ada"])
    for member in ({"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"cty": "JWT"}):
        yield f"{member} in the header", signed({**HS256, **member}, claims())


def _at_another_time() -> Iterator[tuple[str, str]]:
    now = int(time.time())
    yield "no exp", token(exp=...)
    for exp in (now - 60, 0, -1, "x", str(now + DAY), None, True, [now + DAY], 10**13):
        yield f"exp {exp}", signed(HS256, claims(exp=exp))
    for literal in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"0x7fffffff", b"1_000_000_000_000", b"9" * 5000):
        text = _text(claims(exp="EXP")).replace(b'"EXP"', literal)
        yield f"exp {literal[:10].decode()}", signed(HS256, text)
    for name, moment in (("nbf", now + DAY), ("nbf", str(now)), ("nbf", None), ("iat", now + DAY), ("iat", "then")):
        yield f"{name} {moment}", signed(HS256, claims(**{name: moment}))


def _text(content: Any) -> bytes:
    return json.dumps(content).encode()


def _for_somebody_else() -> Iterator[tuple[str, str]]:
    for iss in (..., "", "annals ", "https://evil.example", ["annals"], None, 1):
        yield f"iss {iss}", signed(HS256, claims(iss=iss))
    for aud in (..., "", "annals2", "other", ["other"], [], {"annals": 1}, None, [1]):
        yield f"aud {aud}", signed(HS256, claims(aud=aud))
    for typ in ("id+jwt", "ID", "dpop+jwt", "logout+jwt", "secevent+jwt", "JWE", "", 1, None):
        yield f"typ {typ!r}", signed({"alg": "HS256", "typ": typ}, claims())
    for member in ({"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"typ": "ID"}, {"typ": "Refresh"}, {"typ": 1}):
        yield f"claims {member}", token(**member)


def _of_nobody() -> Iterator[tuple[str, str]]:
    for sub in (..., "", None, 7, "a\nb", "a\0b", "a" * 256, "system", "key:robot"):
        yield f"sub {str(sub)[:10]!r}", signed(HS256, claims(sub=sub))
    for tenant in (
        ...,
        "",
        None,
        7,
        ["acme"],
        "nobody",
        "ACME",
        "acme ",
        "acme\0",
        "../acme",
        "tenant-acme",
        "a" * 300,
    ):
        yield f"tenant {str(tenant)[:15]!r}", signed(HS256, claims(tenant_id=tenant))
    for roles in (..., [], None, "operator", ["none"], ["Operator"], [["operator"]], [1], {"operator": True}, ["root"]):
        yield f"roles {roles}", signed(HS256, claims(roles=roles))
    for email in (7, ["ada@acme.example"], "a\nb", "a" * 400):
        yield f"email {str(email)[:10]!r}", signed(HS256, claims(email=email))
