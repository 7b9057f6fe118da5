"""What an audit finds: each thing that is not as it has to be, with its place."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

#: What is looked at. ``positions``: 1, 2, 3 to the end of the log. ``streams``: versions 1, 2, 3 in each, to its end.
#: ``events``: each can be read. ``chain``: the hashes hold. ``heads``: those that were kept elsewhere do. ``decision
#: tables`` and ``read models``: they are what the log says.
Check = Literal["positions", "streams", "events", "chain", "heads", "decision tables", "read models"]

#: Findings of one check that are told one by one.
MOST = 100


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that is not as it has to be; ``position`` to ``upto`` is where in the log, as far as that is known."""

    check: Check
    what: str
    position: int | None = None
    upto: int | None = None
    stream: str | None = None

    def __str__(self) -> str:
        words = [self._where, f"of {self.stream}" if self.stream else ""]
        return ": ".join(filter(None, (self.check, " ".join(filter(None, words)), self.what)))

    @property
    def _where(self) -> str:
        if self.position is None:
            return ""
        if self.upto in (None, self.position):
            return f"position {self.position}"
        return f"positions {self.position} to {self.upto}"


class Findings:
    """All findings of an audit; of many in one check the first are kept, and the others counted."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._counted: Counter[Check] = Counter()

    def add(self, finding: Finding) -> None:
        self._counted[finding.check] += 1
        if self._counted[finding.check] <= MOST:
            self._found.append(finding)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return self._counted.total()

    def of(self, check: Check) -> int:
        """Return how many a check has found."""
        return self._counted[check]
