"""Cursors: where a list goes on, as a text that means nothing to clients (contracts/incidents.md 0.6, 2.9).

A cursor holds the place of the last row that was shown: the moment an incident was opened, and its ULID. Neither ever
changes, so a list that is read from cursor to cursor shows every incident once that was there when its first page was
read, and none twice, whatever is opened meanwhile. Of what is opened meanwhile it shows those whose place lies ahead.
Newest first that is as good as none; oldest first it is all but those that were committed after their place had been
passed. The moment of opening is that of the decision, so this takes two that are opened within the time that a commit
takes (milliseconds, or seconds while the database answers slowly or comes back), or clocks of nodes that differ.
"""

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from api.incidents.parameters import invalid
from domain.timestamps import EPOCH

#: How long a cursor can be used, by the clock on the wall: tests that move the engine's time end none.
LIFETIME = timedelta(hours=24)

#: When it was made, in seconds, and where the list goes on, in microseconds and by ULID.
_PLACE = struct.Struct(">qq26s")

#: 144 bits: together with the place these are 60 bytes, of which each text of 80 characters stands for other ones.
_SIGNATURE_BYTES = 18
_TEXT = re.compile(r"[A-Za-z0-9_-]{80}", re.ASCII)

_SECOND, _MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)


class Place(NamedTuple):
    """An incident's place in a list by the time of opening; or a webhook's, by that of making."""

    created_at: datetime
    incident: str


class Cursors(NamedTuple):
    """Makes and reads the cursors of one list.

    ``fingerprint`` signs; ``subject`` is what the list is of: the tenant, the filters, the order. ``now`` is wall time.
    """

    fingerprint: Callable[[bytes], str]
    subject: bytes
    now: datetime

    def at(self, place: Place) -> str:
        """Return the cursor with which the list goes on after a place."""
        made_at = (self.now - EPOCH) // _SECOND
        packed = _PLACE.pack(made_at, (place.created_at - EPOCH) // _MICROSECOND, place.incident.encode())
        return urlsafe_b64encode(packed + self._signature(packed)).decode()

    def place(self, cursor: str) -> Place:
        """Return where the list goes on; raise ``InvalidAddress`` for what is no cursor of this list, or is too old."""
        given = urlsafe_b64decode(cursor) if _TEXT.fullmatch(cursor) else b""
        packed, signature = given[:-_SIGNATURE_BYTES], given[-_SIGNATURE_BYTES:]
        if not given or not hmac.compare_digest(signature, self._signature(packed)):
            raise invalid("cursor", "was not made for this list")
        made_at, created_at, incident = _PLACE.unpack(packed)
        if self.now - EPOCH > made_at * _SECOND + LIFETIME:
            raise invalid("cursor", "has expired")
        return Place(EPOCH + created_at * _MICROSECOND, incident.decode())

    def _signature(self, packed: bytes) -> bytes:
        signed = b"cursor\0" + packed + self.subject
        return bytes.fromhex(self.fingerprint(signed))[:_SIGNATURE_BYTES]
