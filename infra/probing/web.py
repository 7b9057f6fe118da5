"""Probes over HTTP: the status, and a word in the first megabyte of the body."""

from collections.abc import Iterator
from contextlib import suppress

import aiohttp

from domain.monitoring.events import CheckSettings
from infra.probing.outcomes import Failed

#: Bytes of a body that are looked through for a keyword.
MOST_BODY = 1_048_576
PIECE = 65_536

#: What a page without a charset is taken for; a keyword is looked for as the bytes that it has in either.
CHARSETS = ("utf-8", "cp1252")

HEADERS = {"User-Agent": "annals-prober", "Accept": "*/*", "Accept-Encoding": "identity"}


async def probe_web(client: aiohttp.ClientSession, check: CheckSettings) -> None:
    """Ask for a page: its status is the expected one, or any of success or redirection, which is not followed."""
    async with client.get(check.target_url, headers=HEADERS, allow_redirects=False) as response:
        status = response.status
        if check.expected_status is not None and status != check.expected_status:
            raise Failed("status_code", f"expected {check.expected_status}, got {status}")
        if check.expected_status is None and not 200 <= status < 400:
            raise Failed("status_code", f"expected 200 to 399, got {status}")
        if check.type == "keyword" and check.keyword and not await _says(response.content, check.keyword):
            raise Failed("keyword_missing", f"{check.keyword!r} is not in the first megabyte of the body")


async def _says(body: aiohttp.StreamReader, keyword: str) -> bool:
    """Look for a word, piece by piece: no more of a body is kept than the word is long."""
    forms = set(_forms(keyword))
    kept = max(map(len, forms)) - 1
    window, seen = b"", 0
    async for piece in body.iter_chunked(PIECE):
        window = window[max(len(window) - kept, 0) :] + piece[: MOST_BODY - seen]
        seen += len(piece)
        if any(form in window for form in forms):
            return True
        if seen >= MOST_BODY:
            return False
    return False


def _forms(keyword: str) -> Iterator[bytes]:
    for charset in CHARSETS:
        with suppress(UnicodeEncodeError):  # there is no such word on pages of that charset
            yield keyword.encode(charset)
