"""An API key as its facts tell it. The key itself is known to its holder alone."""

from typing import assert_never

import msgspec

from domain.access.events import KeyIssued, KeyRevoked, Role

KeyEvent = KeyIssued | KeyRevoked


class Key(msgspec.Struct, frozen=True):
    """Whose key it is and what it may do."""

    tenant: str
    role: Role
    name: str
    key_hash: str
    revoked: bool = False


def evolve(key: Key | None, event: KeyEvent) -> Key | None:
    """Apply a fact. Revoking what was never issued changes nothing."""
    match event:
        case KeyIssued():
            return Key(event.tenant, event.role, event.name, event.key_hash)
        case KeyRevoked():
            return key and msgspec.structs.replace(key, revoked=True)
        case _:
            assert_never(event)
