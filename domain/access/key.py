"""An API key as its facts tell it. The key itself is known to its holder alone."""

from typing import assert_never

import msgspec

from domain.access.events import KeyIssued, KeyRevoked, Role

KeyEvent = KeyIssued | KeyRevoked


class Key(msgspec.Struct, frozen=True):
    """Whose key it is and what it may do; ``version`` counts the facts of its stream."""

    tenant: str
    role: Role
    name: str
    key_hash: str
    revoked: bool
    version: int


def evolve(key: Key | None, event: KeyEvent) -> Key | None:
    """Apply a fact. Revoking what was never issued changes nothing."""
    match event:
        case KeyIssued():
            return Key(event.tenant, event.role, event.name, event.key_hash, revoked=False, version=1)
        case KeyRevoked():
            return key and msgspec.structs.replace(key, revoked=True, version=key.version + 1)
        case _:
            assert_never(event)
