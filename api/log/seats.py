"""How many may listen at once: each of them holds a connection for as long as it likes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.refusals import TooManyRequests

MOST = 1_000
MOST_OF_ONE = 20
RETRY_SECONDS = 5


class Seats:
    """Seats of one node: so many in all, and so many for one credential."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, credential: str) -> Iterator[None]:
        """Take a seat until the block ends; raise ``TooManyRequests`` where none is free."""
        if self._taken[credential] >= self._most_of_one:
            raise TooManyRequests(f"only {self._most_of_one} may listen at once with one credential", RETRY_SECONDS)
        if self._taken.total() >= self._most:
            raise TooManyRequests(f"only {self._most} may listen to one node at once", RETRY_SECONDS)
        self._taken[credential] += 1
        try:
            yield
        finally:
            self._taken[credential] -= 1
            if not self._taken[credential]:
                del self._taken[credential]
