"""Requests that a browser was made to send by another site (CSRF): there a cookie does not count.

A cookie goes along with every request to us, whoever wrote the page that sends it; a header does not. Browsers say
where a request comes from: in ``Sec-Fetch-Site`` and, those too old for it, in ``Origin`` (W3C Fetch Metadata; RFC
6454, 7). Whoever says neither is no browser, or asks for something without changing anything.
"""

from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import Scope

from domain.rejection import Forbidden

#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

#: Pages of our own host, and what a person has typed.
FROM_HERE = frozenset({b"same-origin", b"none"})


def refuse_cross_site(scope: Scope) -> None:
    """Raise ``Forbidden`` for a request that may change something and comes from another site."""
    if scope["type"] == ScopeType.HTTP and scope["method"] not in SAFE and not _is_from_here(dict(scope["headers"])):
        raise Forbidden("access denied", "a cookie does not count in requests that come from another site")


def _is_from_here(headers: dict[bytes, bytes]) -> bool:
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site in FROM_HERE
    return origin is None or _host_of(origin) == headers.get(b"host", b"").lower()


def _host_of(origin: bytes) -> bytes:
    try:
        return urlsplit(origin.decode("ascii")).netloc.lower().encode()
    except ValueError:  # of which errors of encoding are one kind
        return b""
