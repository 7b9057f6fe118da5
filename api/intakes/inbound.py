"""What comes of a request with alerts: a command for each, and in the end an answer in the sender's own form."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from commands.handling import Outcome
from commands.inbound_alerts import InboundAlert


class Reply(NamedTuple):
    """An answer: HTTP's status, and a body that becomes JSON."""

    status: int
    body: Any


class Inbound(NamedTuple):
    """The alerts of a request, all of them in order, and how to tell what became of them.

    ``reply`` is given the outcomes in the order of the alerts; their answers are ``AlertAnswer``.
    """

    alerts: Sequence[InboundAlert]
    reply: Callable[[Sequence[Outcome]], Reply]


#: Reads a body, which came at that time of the engine; raises ``InvalidInput`` if there is anything wrong with it.
Reader = Callable[[bytes, datetime], Inbound]
