"""The trace context that a request comes with: kept with what the request writes (W3C Trace Context, level 1)."""

import re

from litestar.types import Scope

#: version, trace id, parent id, flags; what later versions add comes after a further hyphen (section 3.2).
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-[!-~]*)?", re.ASCII
)

#: The version whose form we pass on, whatever later one came: what a later one adds is not ours to repeat.
_VERSION = b"00"

#: Longer than any version's form can well become.
_LONGEST = 256


def trace_of(scope: Scope) -> str | None:
    """Return a request's ``traceparent`` as version 00, or None where it has none, several, or one that is none.

    A broken one is as good as none and never refuses a request (section 4.3).
    """
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"traceparent":
            if found is not None:
                return None
            found = value
    return None if found is None else _read(found)


def _read(value: bytes) -> str | None:
    match = _TRACEPARENT.fullmatch(value) if len(value) <= _LONGEST else None
    if match is None:
        return None
    version, context, more = match.groups()
    if version == _VERSION and more is not None:
        return None
    return (_VERSION + b"-" + context).decode("ascii")
