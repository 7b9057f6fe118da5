"""The hash of an event, and of a history: what ``log.chain_leaf`` and ``log.chain_hash`` say, told a second time.

A *leaf* is the SHA-256 of all columns of an event. The hash at a position is the SHA-256 of the hash at the position
before and the leaf there. What an audit compares with the chain is computed here, from the columns, so that a database
that lies about its hashes is found out.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Any

#: The hash before the first event.
BEGIN = bytes(32)
LEAF_BYTES = 32

#: What a leaf begins with: that it is one, and the version of this form.
_LEAF = b"\x00\x01"
_LINK = b"\x01"

_numbers = Struct(">qq").pack
_length = Struct(">i").pack
_NO_TEXT = _length(-1)


def leaf_of(row: Sequence[Any]) -> bytes:
    """Return the leaf of an event as the query ``events`` has it; times are microseconds since 2000-01-01 UTC."""
    position, version, happened, recorded, *texts, state = row
    parts = [_LEAF, _numbers(position, version), happened or b"", recorded or b""]  # no leaf was made without times
    for text in texts:
        if text is None:
            parts.append(_NO_TEXT)
        else:
            encoded = text.encode()
            parts += (_length(len(encoded)), encoded)
    parts += (_length(len(state)), state)
    return sha256(b"".join(parts)).digest()


def following(before: bytes, leaf: bytes) -> bytes:
    """Return the hash of a history that goes on, from the hash before and the leaf of the next event."""
    return sha256(_LINK + before + leaf).digest()


def hash_behind(before: bytes, leaves: bytes) -> bytes:
    """Return the hash behind some leaves in a row."""
    for begin in range(0, len(leaves), LEAF_BYTES):
        before = following(before, leaves[begin : begin + LEAF_BYTES])
    return before
