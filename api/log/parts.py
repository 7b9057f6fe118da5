"""Events as the parts of a stream. What is new is put into its form once for all who listen under the same URL."""

from collections.abc import Iterable

from api.answers import json_bytes
from api.log.telling import Teller
from infra.event_feed.entries import Entry

#: Bytes that are kept for one URL, and URLs that anything is kept for: whoever asks chooses the URL.
MOST = 4_000_000
MOST_URLS = 4


class Parts:
    """Makes parts; those of the newest events are kept, up to so many bytes, until newer ones take their place."""

    def __init__(self, tell: Teller, most: int = MOST) -> None:
        self._tell = tell
        self._most = most
        self._kept: dict[int, bytes] = {}
        self._bytes = 0

    def of(self, entries: Iterable[Entry], *, keep: bool) -> bytes:
        """Return events as they are sent; ``keep`` says that others are about to be sent the same ones."""
        return b"".join(map(self._shared if keep else self._made, entries))

    def _shared(self, entry: Entry) -> bytes:
        part = self._kept.get(entry.position)
        if part is None:
            part = self._kept[entry.position] = self._made(entry)
            self._bytes += len(part)
            while self._bytes > self._most:
                self._bytes -= len(self._kept.pop(next(iter(self._kept))))
        return part

    def _made(self, entry: Entry) -> bytes:
        return b"id: %d\nevent: %b\ndata: %b\n" % (entry.position, entry.topic.encode(), json_bytes(self._tell(entry)))


class SharedParts:
    """The parts of all streams of a node, by the URL under which it is asked."""

    def __init__(self, most_urls: int = MOST_URLS) -> None:
        self._most_urls = most_urls
        self._parts: dict[str, Parts] = {}

    def under(self, url: str, tell: Teller) -> Parts:
        """Return what makes parts for a URL; whoever uses it longest ago goes on with what nobody new will share."""
        parts = self._parts.pop(url, None) or Parts(tell)
        self._parts[url] = parts
        while len(self._parts) > self._most_urls:
            del self._parts[next(iter(self._parts))]
        return parts
