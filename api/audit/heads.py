"""The head of the chain of hashes, for whoever keeps it elsewhere."""

import msgspec

from domain.identity import Int64
from domain.timestamps import rfc3339
from infra.audit.hashing import BEGIN
from infra.audit.heads import ChainedHead
from projections.views import Moment


class AuditHead(msgspec.Struct, frozen=True):
    """The hash of everything up to ``position``, in hexadecimal digits, and when it was chained; null before any was.

    ``head`` is the same as one text, as `annals audit verify --head` takes it.
    """

    position: Int64
    hash: str
    at: Moment | None
    head: str


def head_as_told(chained: ChainedHead | None) -> AuditHead:
    """Return the head as it is told; before anything was chained, that of the empty log."""
    if chained is None:
        return AuditHead(0, BEGIN.hex(), None, f"0:{BEGIN.hex()}")
    head = chained.head
    return AuditHead(head.position, head.hash.hex(), rfc3339(chained.chained_at), str(head))
