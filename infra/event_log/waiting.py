"""Commands that wait for the next batch."""

from collections import deque

from infra.event_log.request import Request

#: A batch ends at this many commands, facts or bytes, so that no transaction holds the head for long. All items of a
#: request, a thousand at most, find room in one.
MOST_COMMANDS = 1024
MOST_EVENTS = 8192
MOST_BYTES = 4 * 1024 * 1024

#: No more than this waits; at 2,000 commands a second it would be for too long anyway.
MOST_WAITING = 8192
MOST_WAITING_BYTES = 64 * 1024 * 1024


class WaitingLine:
    """First come, first served, but for commands that share a stream: the later one waits for another batch."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._requests)

    @property
    def full(self) -> bool:
        return len(self._requests) >= MOST_WAITING or self._bytes >= MOST_WAITING_BYTES

    def add(self, request: Request) -> None:
        self._requests.append(request)
        self._bytes += request.bytes

    def next_batch(self) -> list[Request]:
        """Take what may go together; whoever waits for a stream waits before all who come for it later."""
        batch: list[Request] = []
        later: list[Request] = []
        taken: set[str] = set()
        events = size = 0
        while self._requests and len(batch) + len(later) < MOST_COMMANDS and events < MOST_EVENTS and size < MOST_BYTES:
            request = self._requests.popleft()
            if request.outcome.done():  # the caller has gone away
                self._bytes -= request.bytes
                continue
            if taken.isdisjoint(request.keys):
                batch.append(request)
                events += request.events
                size += request.bytes
            else:
                later.append(request)
            taken |= request.keys
        self._bytes -= size
        self._requests.extendleft(reversed(later))
        return batch
