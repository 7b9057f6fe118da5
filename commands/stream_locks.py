"""One lock for each stream that somebody works on right now: first come, first served."""

import asyncio
from collections import deque

Waiting = deque["asyncio.Future[None]"]


class StreamLocks:
    """Locks by stream. A free one is taken without waiting, as most are."""

    def __init__(self) -> None:
        #: Who waits for each stream that is taken; None while nobody does.
        self._taken: dict[str, Waiting | None] = {}

    def take(self, stream: str) -> bool:
        """Take a lock if it is free; tell whether it was."""
        if stream in self._taken:
            return False
        self._taken[stream] = None
        return True

    async def acquire(self, stream: str) -> None:
        """Take a lock, after those who asked before."""
        if self.take(stream):
            return
        waiting = self._taken[stream]
        if waiting is None:
            waiting = self._taken[stream] = deque()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(stream)  # it was handed over in the same moment
            raise

    def release(self, stream: str) -> None:
        """Give a lock to who has waited longest, or free it."""
        waiting = self._taken[stream]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._taken[stream]
