"""What no log line may hold, wherever it comes from: secrets, and characters that would make one line look like two.

Nobody logs a secret on purpose. It comes in the text of an error (a driver that repeats its URL), in a path that a
client put together wrongly, in what a library says. This is the net below, for everything that is written.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from infra.requests import CURRENT

MASK = "***"

#: Members of a line that are masked whatever they hold.
_NAMES = re.compile(r"authorization|cookie|passw|secret|token|api_?key|signature|credential|dsn|body", re.IGNORECASE)

#: Texts that are secrets by their form, with what may stay of them: API keys of ours, secrets of webhooks and intakes,
#: tokens (JWT), credentials of HTTP, of URLs, and of settings of connections. None looks on for long from a place where
#: it finds nothing, so that a text of any length takes as long as it is.
_FORMS = (
    (re.compile(r"\bann_([0-9A-Za-z]{1,64})_[0-9A-Za-z_-]+"), rf"ann_\1_{MASK}"),
    (re.compile(r"\bwhsec_[0-9A-Za-z+/=_-]+"), f"whsec_{MASK}"),
    (re.compile(r"\beyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*){0,2}"), MASK),
    (re.compile(r"\b(bearer|basic)\s+[!-~]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(?<=://)[^\s/@'\":]*:[^\s/@'\"]*@"), f"{MASK}@"),
    (re.compile(r"\b(password|passwd|secret|token|api_?key)(=|%3d)[^\s&'\"]+", re.IGNORECASE), rf"\1\2{MASK}"),
)

#: Control characters, those of C1 and the separators of lines, as the escapes that Python writes for them.
_ESCAPED = {
    code: chr(code).encode("unicode_escape").decode() for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}

#: Where line breaks are meant: a traceback.
_IN_LINES = frozenset({"exception", "stack"})
_ESCAPED_BUT_BREAKS = {code: text for code, text in _ESCAPED.items() if chr(code) not in "\n\t"}


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask and escape all of a line (a processor of structlog)."""
    for name, value in line.items():
        line[name] = MASK if _NAMES.search(name) else _safe(value, breaks=name in _IN_LINES)
    return line


def name_request(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say in a line for which request it was written, and under which id the log has what that came to."""
    request = CURRENT.get()
    if request is not None:
        line.setdefault("request_id", request.id)
        if request.correlation_id:
            line.setdefault("correlation_id", request.correlation_id)
    return line


def _safe(value: Any, *, breaks: bool) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _masked(value).translate(_ESCAPED_BUT_BREAKS if breaks else _ESCAPED)
        case Mapping():
            return {
                str(name): MASK if _NAMES.search(str(name)) else _safe(item, breaks=False)
                for name, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_safe(item, breaks=False) for item in value]
        case _:
            return _safe(repr(value), breaks=False)


def _masked(text: str) -> str:
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text
