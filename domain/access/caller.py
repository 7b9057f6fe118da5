"""Who is asking."""

import msgspec

from domain.access.events import Role
from domain.event import Actor


class Caller(msgspec.Struct, frozen=True):
    """The holder of a credential: one tenant, one role, and what the tenant's plan entitles it to."""

    tenant: str
    role: Role
    key_id: str
    name: str
    entitlements: frozenset[str]

    @property
    def actor(self) -> Actor:
        return Actor("api_key", f"key:{self.name}")
