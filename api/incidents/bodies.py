"""From a body's bytes to its shape, strictly: unknown members, wrong types and broken JSON are each told apart."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from api.refusals import InvalidBody
from domain.rejection import Cause

T = TypeVar("T", bound=msgspec.Struct)

#: ``Object missing required field `title` - at `$.rules[0]` `` and the like.
_PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_NAMED = re.compile(r"(?:missing required|contains unknown) field `(?P<name>[^`]{0,100})")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body as a client sends it; absent members have their default."""


def decode(raw: bytes, kind: type[T]) -> T:
    """Return the body; raise ``InvalidBody``, with the place of what is wrong where one is known."""
    decoded: T = _decoded(raw, kind)
    return decoded


def decode_some(raw: bytes, kind: type[T]) -> tuple[T, ...]:
    """Return the bodies of which there is one, or a list."""
    decoded: T | tuple[T, ...] = _decoded(raw, kind | tuple[kind, ...])  # type: ignore[valid-type]  # made at run time
    return decoded if isinstance(decoded, tuple) else (decoded,)


def _decoded(raw: bytes, kind: Any) -> Any:
    try:
        return _decoder(kind)(raw)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody("request body is not valid JSON") from error


def _misfit(message: str) -> InvalidBody:
    """Say where the body does not fit, as a JSON pointer, and why."""
    place, named = _PLACE.search(message), _NAMED.search(message)
    steps = [name or number for name, number in _STEP.findall(place["path"])] if place else []
    if named:
        steps.append(named["name"])
    reason = _PLACE.sub("", message)
    return InvalidBody(reason, [Cause("/".join(["#", *steps]), "shape", reason)])


@cache
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind).decode
