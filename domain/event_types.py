"""Which types of events somebody wants: whole names, and the first parts of some with ``.*`` behind (``incident.*``).

Wishes are kept in facts (webhooks) and by clients. What begins as one says is wanted for ever, types that only a later
release knows too.
"""

from collections.abc import Iterable

import msgspec

_ANY = ".*"


class WantedTypes(msgspec.Struct, frozen=True):
    """Types by their names, and by what these begin with; neither: all types."""

    names: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()

    def admits(self, topic: str) -> bool:
        """Tell whether a type is wanted."""
        everything = not self.names and not self.beginnings
        return everything or topic in self.names or topic.startswith(self.beginnings)


def wanted_types(wishes: Iterable[str]) -> WantedTypes:
    """Return the types that are wished for, each wish once."""
    each = tuple(dict.fromkeys(wishes))
    names = tuple(wish for wish in each if not wish.endswith(_ANY))
    return WantedTypes(names, tuple(wish.removesuffix("*") for wish in each if wish.endswith(_ANY)))
