"""Whether this process stood still: suspended, starved of processors, or held up by something of its own.

What it measured across a standstill says nothing of what it measured, and a probe that ran out of time in one found
nothing: by then another node may long have taken over (incidents.md 0.5, source 3).
"""

from collections.abc import Callable

#: A process from which nothing is heard for so many seconds more than it promised has stood still.
LONGEST = 1.0


class Standstills:
    """Finds gaps between beats that are to come at least every so many seconds, by a clock that never goes back."""

    def __init__(self, every: float, now: Callable[[], float]) -> None:
        self._longest = every + LONGEST
        self._now = now
        self._beat = self._found = now()

    def beat(self) -> None:
        """Say that we go on."""
        now = self._now()
        if now - self._beat > self._longest:
            self._found = now
        self._beat = now

    def any_since(self, began: float) -> bool:
        """Tell whether we have stood still since then."""
        self.beat()
        return self._found > began
