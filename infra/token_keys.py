"""The keys under which tokens are signed: a secret of ours, or the public keys (JWKS, RFC 7517) of who signs them.

Each key has one algorithm, whatever a token says of itself (RFC 8725, 3.1): the secret HS256, the others RS256, ES256
or EdDSA by their kind. The name of a key in a token (``kid``) is only looked up among the keys that are there.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import aiohttp
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from domain.rejection import Unavailable
from infra.settings import InvalidSetting

HS256 = "HS256"

#: The algorithm of a public key, by its kind and curve.
OF_KIND: Mapping[tuple[str, str | None], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}

LEAST_RSA_BITS = 2048
#: Bytes that a secret for HS256 should have (RFC 7518, 3.2).
SECRET_BYTES = 32
MOST_KEYS = 100
LARGEST_JWKS = 262_144

#: Seconds that have to pass between two loads, however many tokens name keys that are not there; after which keys are
#: loaded anew beside the requests; and that a load may take.
INTERVAL = 10.0
OLD = 300.0
PATIENCE = 3.0

logger = structlog.get_logger(__name__)


class NoKeys(Exception):
    """What should be a JWKS is none, or cannot be had."""


class TokenKey(NamedTuple):
    """A key and the one algorithm that it is for."""

    algorithm: str
    key: Any


class TokenKeys(Protocol):
    """Where the key of a token is found."""

    async def find(self, algorithm: str, kid: str | None) -> TokenKey | None:
        """Return the key of that name for that algorithm; raise ``Unavailable`` where nobody can say now."""


class SecretAndKeySet:
    """The secret for HS256, if there is one, and a set of public keys for the others, if there is one."""

    def __init__(self, secret: str | None, key_set: "KeySet | None") -> None:
        self._secret = secret and _filled(secret.encode())
        self._key_set = key_set

    async def find(self, algorithm: str, kid: str | None) -> TokenKey | None:
        if algorithm == HS256:
            return TokenKey(HS256, self._secret) if self._secret else None
        return await self._key_set.find(algorithm, kid) if self._key_set is not None else None


def _filled(secret: bytes) -> bytes:
    """Return a secret as long as PyJWT wants it; HMAC itself fills keys with zeros (RFC 2104, 2)."""
    if len(secret) < SECRET_BYTES:
        logger.warning("ANNALS_JWT_SECRET is short", bytes=len(secret), recommended=SECRET_BYTES)
    return secret.ljust(SECRET_BYTES, b"\0")


class KeySet:
    """Public keys from a file or URL, kept in memory, and loaded anew for a name that is not among them."""

    def __init__(self, load: Callable[[], Awaitable[bytes]], now: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._now = now
        self._keys: Mapping[tuple[str, str | None], TokenKey] | None = None
        self._loaded_at = 0.0
        self._next_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: str | None) -> TokenKey | None:
        if algorithm not in OF_KIND.values():
            return None
        found = self._at_hand(algorithm, kid)
        if found is None:
            await self._refreshed()
            found = self._at_hand(algorithm, kid)
        elif self._now() - self._loaded_at > OLD:
            self._begin_loading()
        if self._keys is None:
            raise Unavailable("failed to look up a key", "the keys of tokens cannot be loaded")
        return found

    def _at_hand(self, algorithm: str, kid: str | None) -> TokenKey | None:
        """Return a key by its name; without a name the only one of its algorithm."""
        keys = self._keys or {}
        if kid is not None:
            return keys.get((algorithm, kid))
        fitting = [key for (of, _), key in keys.items() if of == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _refreshed(self) -> None:
        """Load the keys anew, unless that was tried a moment ago. Of many who want it, one does it."""
        loading = self._begin_loading()
        if loading is not None:
            await asyncio.shield(loading)

    def _begin_loading(self) -> "asyncio.Task[None] | None":
        if self._loading is None and self._now() >= self._next_at:
            self._next_at = self._now() + INTERVAL
            self._loading = asyncio.create_task(self._loaded())
        return self._loading

    async def _loaded(self) -> None:
        """Load the keys; those that were there stay when that fails."""
        try:
            async with asyncio.timeout(PATIENCE):
                self._keys = keys_in(await self._load())
            self._loaded_at = self._now()
        except (NoKeys, OSError, TimeoutError, aiohttp.ClientError) as error:
            logger.warning("the keys of tokens cannot be loaded", error=repr(error))
        finally:
            self._loading = None


def keys_in(jwks: bytes) -> Mapping[tuple[str, str | None], TokenKey]:
    """Return the keys in a JWKS by algorithm and name; raise ``NoKeys`` for what is none.

    Left out are keys for something else, of kinds or sizes that are not taken, and all that are not public.
    """
    try:
        listed = json.loads(jwks)["keys"]
        return {(key.algorithm, kid): key for kid, key in _usable(listed[:MOST_KEYS])}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoKeys("this is no JWKS") from error


def _usable(listed: list[Any]) -> Iterator[tuple[str | None, TokenKey]]:
    for member in listed:
        algorithm = OF_KIND.get((member.get("kty"), member.get("crv")))
        if algorithm is None or "d" in member or not _is_for_tokens(member, algorithm):
            continue
        try:
            key = jwt.PyJWK(member, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            logger.warning("a key of tokens cannot be read", kid=member.get("kid"), error=repr(error))
            continue
        if not isinstance(key, RSAPublicKey) or key.key_size >= LEAST_RSA_BITS:
            yield member.get("kid"), TokenKey(algorithm, key)


def _is_for_tokens(member: Mapping[str, Any], algorithm: str) -> bool:
    operations = member.get("key_ops", ["verify"])
    return member.get("use", "sig") == "sig" and member.get("alg", algorithm) == algorithm and "verify" in operations


def loader(source: str) -> Callable[[], Awaitable[bytes]]:
    """Return what loads a JWKS from a URL or a path; raise ``InvalidSetting`` for a file that holds none."""
    if source.startswith(("https://", "http://")):

        async def fetch() -> bytes:
            return await _fetched(source)

        return fetch
    path = Path(source)
    try:
        keys_in(path.read_bytes())
    except (NoKeys, OSError) as error:
        raise InvalidSetting(f"ANNALS_JWKS: cannot read keys from {path}: {error}") from error

    async def read() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return read


async def _fetched(url: str) -> bytes:
    """Return what lies at a URL: there, not where it may lead to, and no more of it than keys take."""
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(url, allow_redirects=False) as answer:
        if answer.status != 200:
            raise NoKeys(f"status {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(65_536):
            body += chunk
            if len(body) > LARGEST_JWKS:
                raise NoKeys("more than keys take")
        return bytes(body)
