"""JSON as text: its first value, how deep it is nested, and where in it a value lies.

Python's own decoder is used, not msgspec's, because it says where a text breaks off and reads a value that is followed
by something else.
"""

import json
import re
from itertools import accumulate
from typing import Any, NoReturn

from api.refusals import InvalidBody

#: Deeper than any body that could be valid, and far from where decoders give up.
DEEPEST = 100

#: Members or items that are looked through for a position; beyond, where the search ended is near enough.
_FARTHEST = 10_000

_SPACE = " \t\n\r"
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_BEGUN = re.compile(r"-?\Z|t(r(ue?)?)?\Z|f(a(l(se?)?)?)?\Z|n(u(ll?)?)?\Z")

#: Stands for any number that is too long to be one of ours.
_TOO_GREAT = 1 << 64


class _NoNumberError(Exception):
    """``NaN`` or one of its kin, which Python's decoder would take."""


def _no_number(name: str) -> NoReturn:
    raise _NoNumberError(name)


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 20 else _TOO_GREAT


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_int=_integer)


def text_of(raw: bytes) -> str:
    """Return a body as text; raise ``InvalidBody`` for one that cannot be JSON."""
    if not raw.strip(_SPACE.encode()):
        raise InvalidBody("request body is empty")
    if nests_too_deep(raw):
        raise InvalidBody(f"JSON is nested deeper than {DEEPEST} levels")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidBody(f"malformed JSON at position {error.start + 1}") from error


def nests_too_deep(raw: bytes) -> bool:
    """Tell whether arrays and objects lie deeper in each other than in any valid body; brackets in texts are none."""
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return False
    steps = _STRINGS.sub(b"", raw).translate(_STEPS, _NO_BRACKETS)
    return any(depth > DEEPEST for depth in accumulate(memoryview(steps).cast("b")))


def first_value(text: str) -> Any:
    """Parse the first value of the text and ignore the rest; raise ``InvalidBody`` where it is malformed."""
    try:
        return _DECODER.raw_decode(text, _skip_space(text, 0))[0]
    except json.JSONDecodeError as error:
        if _is_cut_off(text, error):
            raise InvalidBody("unexpected end of JSON") from error
        raise InvalidBody(f"malformed JSON at position {_bytes_until(text, error.pos) + 1}") from error
    except _NoNumberError as error:
        raise InvalidBody(f"malformed JSON at position {_bytes_until(text, text.find(str(error))) + 1}") from error


def position_of(text: str, path: list[str | int]) -> int:
    """Return the number of bytes up to the end of the value that a path of names and indexes leads to."""
    at = _skip_space(text, 0)
    for step in path:
        at = _value_below(text, at, step)
    return _bytes_until(text, _DECODER.raw_decode(text, at)[1])


def _value_below(text: str, at: int, step: str | int) -> int:
    """Return where the last member of that name, or the item of that number, begins inside the value at ``at``."""
    found = at
    number = 0
    at = _skip_space(text, at + 1)
    while text[at] not in "]}" and number < _FARTHEST:
        name: str | int = number
        if isinstance(step, str):
            name, at = _DECODER.raw_decode(text, at)
            at = _skip_space(text, _skip_space(text, at) + 1)
        if name == step:
            found = at
        at = _skip_space(text, _DECODER.raw_decode(text, at)[1])
        at = _skip_space(text, at + 1) if text[at] == "," else at
        number += 1
    return found


def _is_cut_off(text: str, error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string") or _BEGUN.match(text.rstrip(_SPACE), error.pos) is not None


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _bytes_until(text: str, at: int) -> int:
    return len(text[:at].encode())
