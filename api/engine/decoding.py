"""From a request's bytes to an intent or to criteria (contracts/engine.md 1.1 and 1.4).

The strict decoder takes a microsecond; only what it refuses is read leniently, which finds out whether the contract
takes it all the same, and if not, what to say.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from api.engine import lenient
from api.engine.rules import violations
from api.refusals import InvalidBody

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_BODY = 1_048_576
TOO_LARGE = "request body size must not exceed 1MB"

_STRICTLY_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(raw: bytes, body: type[T]) -> T:
    """Return the body, valid by its rules; raise ``InvalidBody`` otherwise."""
    if len(raw) > LARGEST_BODY:
        raise InvalidBody(TOO_LARGE)
    decoded = _read(raw, body)
    causes = tuple(violations(decoded))
    if causes:
        raise InvalidBody("failed to validate request body", causes)
    return decoded


def _read(raw: bytes, body: type[T]) -> T:
    if b"\\u0000" in raw:
        return lenient.read(raw, body)  # the strict decoder would let a NUL character pass
    try:
        decoded: T = _strict_decoder(body)(raw)
    except _STRICTLY_REFUSED:
        return lenient.read(raw, body)
    return decoded


@cache
def _strict_decoder(body: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(body).decode
