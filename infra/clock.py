"""The one place where time enters."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Wall time and engine time, both in UTC and cut to milliseconds, which is what facts and clients hold.

    Engine time is wall time moved by ``offset_ms``, the offset that ``PATCH /time`` sets (contracts/engine.md).
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms

    def wall(self) -> datetime:
        """Return what the clock on the wall shows."""
        now = datetime.now(UTC)  # noqa: TID251  (this is the door)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def now(self) -> datetime:
        """Return engine time."""
        return self.wall() + timedelta(milliseconds=self.offset_ms)
