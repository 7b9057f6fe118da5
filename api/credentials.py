"""The forms in which a credential may come with a request (contracts/incidents.md 0.4, contracts/engine.md 1.2).

::

    Authorization: Bearer <API key>
    Authorization: Basic base64(<key id>:<API key>)
    Authorization: <API key>                          the engine's existing clients send no scheme
    Authorization: base64(<key id>:<API key>)         the same
    X-API-Key: <API key>

``Authorization`` counts when both headers are there.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: No key of ours comes near it; what is longer is not looked up.
MAX_LENGTH = 1024


class Credential(NamedTuple):
    """An API key, and the id that it was sent with, where the form has one."""

    key: str
    key_id: str | None = None


def header_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the header's value that carries the credential, or nothing.

    Values of ``X-API-Key`` come with that name in front, so that no value stands for two credentials.
    """
    found = b""
    for name, value in headers:
        if name == b"authorization":
            return value
        if name == b"x-api-key":
            found = b"x-api-key " + value
    return found


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
