"""Ids of incidents, checks and rules as clients see them: a prefix that says what it is, and a ULID (incidents.md 0.6).

Inside they are ULIDs alone.
"""

from typing import NamedTuple

from domain.rejection import NotFound

_ULID_LENGTH = 26
_CROCKFORD = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


class Ids(NamedTuple):
    """The ids of things of one kind, which ``thing`` names."""

    thing: str
    prefix: str

    def of(self, ulid: str) -> str:
        """Return the public id."""
        return self.prefix + ulid

    def ulid(self, public_id: str) -> str | None:
        """Return the ULID in a public id; None for what is no such id."""
        ulid = public_id.removeprefix(self.prefix)
        if ulid == public_id or len(ulid) != _ULID_LENGTH or not _CROCKFORD.issuperset(ulid):
            return None
        return ulid

    def in_path(self, public_id: str) -> str:
        """Return the ULID in a public id; what is no such id is answered like one that nothing has."""
        ulid = self.ulid(public_id)
        if ulid is None:
            raise self._unknown(public_id)
        return ulid

    def unknown(self, ulid: str) -> NotFound:
        """Return the refusal of an id that nothing has, or nothing that the caller may see."""
        return self._unknown(self.of(ulid))

    def _unknown(self, public_id: str) -> NotFound:
        return NotFound(f"failed to find {self.thing}", f"{self.thing} {public_id} could not be found")


INCIDENT_IDS = Ids("incident", "inc_")
CHECK_IDS = Ids("check", "chk_")
RULE_IDS = Ids("rule", "rule_")
