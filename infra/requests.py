"""The request that is being answered, for those who tell of what happens meanwhile: the log lines and the metrics.

It travels with the task that answers and those that it starts (a context variable), so that nobody has to hand it on.
"""

import itertools
import secrets
from contextvars import ContextVar

#: Tells requests of this process from those of all others.
_PROCESS = secrets.token_hex(8)

_NUMBERS = itertools.count(1)


class OpenRequest:
    """A request from its first byte to the last of its answer.

    ``correlation_id`` is that of the first command that it sent, under which the log has what that came to;
    ``commands`` is how many there were.
    """

    __slots__ = ("commands", "correlation_id", "id")

    def __init__(self, request_id: str) -> None:
        self.id = request_id
        self.correlation_id = ""
        self.commands = 0


#: None where nobody has asked: in what a node does by itself.
CURRENT: ContextVar[OpenRequest | None] = ContextVar("request", default=None)


def fresh_request_id() -> str:
    """Return an id that no other request has, in this process or another."""
    return f"{_PROCESS}-{next(_NUMBERS):x}"
