"""The one place where time enters."""

import time
from datetime import datetime, timedelta

from domain.timestamps import EPOCH


class Clock:
    """Wall time and engine time, both in UTC and cut to milliseconds, which is what facts and clients hold.

    Engine time is wall time moved by ``offset_ms``, the offset that ``PATCH /time`` sets (contracts/engine.md).
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._milliseconds = 0
        self._wall = EPOCH

    def wall(self) -> datetime:
        """Return what the clock on the wall shows; a busy node asks many times within a millisecond."""
        milliseconds = time.time_ns() // 1_000_000  # this is the door
        if milliseconds != self._milliseconds:
            self._milliseconds = milliseconds
            self._wall = EPOCH + timedelta(milliseconds=milliseconds)
        return self._wall

    def now(self) -> datetime:
        """Return engine time."""
        wall = self.wall()
        return wall + timedelta(milliseconds=self.offset_ms) if self.offset_ms else wall
