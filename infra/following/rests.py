"""When to try again what has failed."""

import asyncio

import msgspec


class Rest(msgspec.Struct, frozen=True):
    """``until`` is by the clock of the event loop; ``length`` is in seconds."""

    until: float
    length: float


class Rests:
    """Who rests until when after a failure. Each failure in a row doubles the rest, up to the longest."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._rests: dict[str, Rest] = {}

    def begin(self, name: str) -> None:
        before = self._rests.get(name)
        length = self._first if before is None else min(2 * before.length, self._longest)
        self._rests[name] = Rest(_now() + length, length)

    def forget(self, name: str) -> None:
        """Start with the first rest again when it fails the next time."""
        self._rests.pop(name, None)

    def __contains__(self, name: str) -> bool:
        rest = self._rests.get(name)
        return rest is not None and rest.until > _now()

    def shortest(self, limit: float) -> float:
        """Return in how many seconds the first rest ends, at most ``limit``."""
        now = _now()
        return min((rest.until - now for rest in self._rests.values() if rest.until > now), default=limit)


def _now() -> float:
    return asyncio.get_running_loop().time()
