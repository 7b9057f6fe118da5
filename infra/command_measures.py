"""What the commands of this process tell Prometheus, and the log lines of the request that they are sent for."""

import time
from collections.abc import Callable

from domain.rejection import Rejection, Unavailable
from infra.measures import Count, Numbers, Spread
from infra.requests import CURRENT

SECONDS = Spread("annals_command_seconds", "Seconds from a command to its outcome.", ["command", "outcome"])
Numbers(
    "annals_commands",
    "Commands handled, by what came of it: done, refused, unavailable (the log), failed, given_up (by who sent it).",
    SECONDS,
)
CONFLICTS = Count(
    "annals_command_conflicts",
    "Decisions that were made anew, because the log had moved on since what they rested on.",
    ["command"],
)


class CommandMeasures:
    """Watches the commands of a process (``commands.handling.Watcher``)."""

    def __init__(self) -> None:
        #: By command: what counts the seconds of one that is done.
        self._done: dict[type, Callable[[float], None]] = {}

    def begins(self, command_id: str) -> float:
        """Note the command with the request that it is sent for, if any; return when it began."""
        request = CURRENT.get()
        if request is not None:
            request.commands += 1
            if not request.correlation_id:
                request.correlation_id = command_id
        return time.perf_counter()

    def done(self, command: type, began: float) -> None:
        (self._done.get(command) or self._first(command))(time.perf_counter() - began)

    def failed(self, command: type, began: float, error: BaseException) -> None:
        SECONDS.add(time.perf_counter() - began, (command.__name__, _outcome(error)))

    def decides_anew(self, command: type) -> None:
        CONFLICTS.add((command.__name__,))

    def _first(self, command: type) -> Callable[[float], None]:
        adder = self._done[command] = SECONDS.adder((command.__name__, "done"))
        return adder


def _outcome(error: BaseException) -> str:
    match error:
        case Unavailable():
            return "unavailable"
        case Rejection():
            return "refused"
        case Exception():
            return "failed"
        case _:
            return "given_up"
