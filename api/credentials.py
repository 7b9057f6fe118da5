"""The forms in which a credential may come with a request (contracts/incidents.md 0.4, contracts/engine.md 1.2).

::

    Authorization: Bearer <API key or token>
    Authorization: Basic base64(<key id>:<API key>)
    Authorization: <API key>                          the engine's existing clients send no scheme
    Authorization: base64(<key id>:<API key>)         the same
    X-API-Key: <API key>
    Cookie: token=<token>

Of several the first in this order counts, whether it is valid or not.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from infra.tokens import LONGEST_TOKEN, TOKEN

#: The same forms as OpenAPI tells them; each of them is enough.
SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token (JWT)."},
    "basic": {"type": "http", "scheme": "basic", "description": "An API key's id and the key."},
    "authorization": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "An API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "token", "description": "A token (JWT)."},
}

#: No key of ours comes near it; what is longer is not looked up.
MAX_LENGTH = 1024

#: Nor does a header with a token; what is longer is not even remembered.
LONGEST = LONGEST_TOKEN + 100

#: Before the value of a header that is not ``Authorization``, so that no value stands for two credentials.
_OF_KEY, OF_COOKIE = b"x-api-key ", b"cookie "


class Credential(NamedTuple):
    """An API key, and the id that it was sent with, where the form has one."""

    key: str
    key_id: str | None = None


def header_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the header's value that carries the credential, or nothing."""
    key, cookies = b"", []
    for name, value in headers:
        if name == b"authorization":
            return value
        if name == b"x-api-key":
            key = _OF_KEY + value
        elif name == b"cookie":
            cookies.append(value)
    return key or _of_cookies(cookies)


def _of_cookies(cookies: Sequence[bytes]) -> bytes:
    """Return the cookie ``token``; of two of that name nobody knows which one is meant."""
    pairs = (pair.strip().partition(b"=") for value in cookies for pair in value.split(b";"))
    tokens = [value for name, _, value in pairs if name == b"token"]
    return OF_COOKIE + b" ".join(tokens) if tokens else b""


def token_in(header: bytes) -> str | None:
    """Return the token that a header's value has the form of."""
    scheme, _, rest = header.decode("latin-1").strip().partition(" ")
    text = rest.strip()
    return text if scheme.lower() in {"bearer", "cookie"} and TOKEN.fullmatch(text) else None


def credentials_in(header: bytes) -> Iterator[Credential]:
    """Yield what a header's value may mean: without a scheme it can be a key, or id and key in base64."""
    if len(header) > MAX_LENGTH:
        return
    scheme, _, rest = header.decode("latin-1").strip().partition(" ")
    text = rest.strip()
    match scheme.lower():
        case "bearer" | "x-api-key" if text:
            yield Credential(text)
        case "basic" if text:
            yield from _id_and_key(text)
        case _ if scheme and not text:
            yield Credential(scheme)
            yield from _id_and_key(scheme)


def _id_and_key(text: str) -> Iterator[Credential]:
    try:
        key_id, colon, key = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    if colon and key:
        yield Credential(key, key_id)
