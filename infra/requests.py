"""The request that is being answered, for those who tell of what happens meanwhile: the log lines and the metrics.

It travels with the task that answers and those that it starts (a context variable), so that nobody has to hand it on.
"""

import itertools
import secrets
from collections.abc import Iterator
from contextvars import ContextVar


class OpenRequest:
    """A request from its first byte to the last of its answer; ``raw_id`` is its id in ASCII.

    ``correlation_id`` is that of the first command that it sent, under which the log has what that came to;
    ``commands`` is how many there were.
    """

    __slots__ = ("commands", "correlation_id", "raw_id")

    def __init__(self, raw_id: bytes) -> None:
        self.raw_id = raw_id
        self.correlation_id = ""
        self.commands = 0

    @property
    def id(self) -> str:
        return self.raw_id.decode("ascii")


#: None where nobody has asked: in what a node does by itself.
CURRENT: ContextVar[OpenRequest | None] = ContextVar("request", default=None)


def _ids() -> Iterator[bytes]:
    """Yield ids, each of them once: what tells this process from all others, and a number."""
    process = secrets.token_hex(8).encode()
    lows = [b"%02x" % low for low in range(256)]
    for high in itertools.count(1):
        beginning = b"%b-%x" % (process, high)
        for low in lows:
            yield beginning + low


#: Returns an id that no other request has, in this process or another.
fresh_request_id = _ids().__next__
