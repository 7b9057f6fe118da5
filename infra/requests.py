"""The request that is being answered, for those who tell of what happens meanwhile: the log lines and the metrics.

It travels with the task that answers and those that it starts (a context variable), so that nobody has to hand it on.
"""

import itertools
import secrets
from contextvars import ContextVar

#: Tells requests of this process from those of all others.
_PROCESS = secrets.token_hex(8).encode()

_NUMBERS = itertools.count(1)


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


def fresh_request_id() -> bytes:
    """Return an id that no other request has, in this process or another."""
    return b"%b-%x" % (_PROCESS, next(_NUMBERS))
