"""Rules of the fields of webhooks (https://www.standardwebhooks.com); each yields at most one cause for a value."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from commands.incident_fields import text
from domain.rejection import Cause
from domain.topics import is_type

LONGEST_URL = 2048
LONGEST_DESCRIPTION = 500
LONGEST_PROCESS_KEY = 255
MOST_TYPES = 100

#: How a secret begins, and how many bytes it stands for at least and at most.
SECRET_PREFIX = "whsec_"  # noqa: S105  (the prefix of all of them)
SHORTEST_SECRET, LONGEST_SECRET = 24, 64

#: Seconds for which a secret that was replaced goes on signing: a day unless told, a week at most.
DEFAULT_OVERLAP, LONGEST_OVERLAP = 86_400, 604_800


def url(given: str) -> Iterator[Cause]:
    """Require an address that can be right wherever Annals runs; which hosts and ports may be, the deployment says."""
    pointer = "#/url"
    if not given:
        yield Cause(pointer, "required", "is required")
    elif len(given) > LONGEST_URL:
        yield Cause(pointer, "max", f"must have at most {LONGEST_URL} characters", given[:100])
    else:
        wrong = _wrong(given)
        if wrong:
            yield Cause(pointer, "url", wrong)  # without the text: it may hold a password


def _wrong(given: str) -> str | None:
    """Return what is wrong with an address, None where nothing is."""
    if not all("!" <= character <= "~" for character in given) or "\\" in given:
        return "must be of printable ASCII characters, without blanks and backslashes"
    try:
        address = urlsplit(given)
        port = address.port
    except ValueError:
        return "must be an absolute URL"
    if address.scheme not in {"http", "https"} or not address.hostname:
        return "must be an absolute URL of https"
    if port == 0:
        return "must have a port from 1 to 65535"
    return _too_much(address, given)


def _too_much(address: SplitResult, given: str) -> str | None:
    if "@" in address.netloc:
        return "must not have a user or password"
    return "must not have a fragment" if "#" in given else None


def description(given: str) -> Iterator[Cause]:
    yield from text("#/description", given, 0, LONGEST_DESCRIPTION)


def process_key(given: str) -> Iterator[Cause]:
    yield from text("#/processKey", given, 0, LONGEST_PROCESS_KEY)


def types(names: tuple[str, ...]) -> Iterator[Cause]:
    """Require types that facts have: whole names, or the beginnings of some with ``.*`` behind."""
    if len(names) > MOST_TYPES:
        yield Cause("#/types", "max", f"must have at most {MOST_TYPES} types")
        return
    for index, name in enumerate(names):
        if not is_type(name):
            reason = "must be a type of events, or the first parts of some with .* behind"
            yield Cause(f"#/types/{index}", "oneof", reason, name[:100])


def secret(given: str) -> Iterator[Cause]:
    """Require what a client brings as its own secret, where it does, to be one."""
    if given and not _is_secret(given):
        sizes = f"{SHORTEST_SECRET} to {LONGEST_SECRET}"
        yield Cause("#/secret", "secret", f"must be {SECRET_PREFIX} and the base64 form of {sizes} bytes")


def _is_secret(given: str) -> bool:
    if not given.startswith(SECRET_PREFIX):
        return False
    try:
        key = base64.b64decode(given.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return SHORTEST_SECRET <= len(key) <= LONGEST_SECRET


def overlap(seconds: int) -> Iterator[Cause]:
    if not 0 <= seconds <= LONGEST_OVERLAP:
        yield Cause("#/overlapSeconds", "range", f"must be a number from 0 to {LONGEST_OVERLAP}", str(seconds)[:20])


def position(pointer: str, given: int, least: int) -> Iterator[Cause]:
    if given < least:
        yield Cause(pointer, "min", f"must be a position from {least} on", str(given)[:20])
