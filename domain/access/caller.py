"""Who is asking."""

from typing import Literal

import msgspec

from domain.access.events import Plan, Role
from domain.event import Actor


class Caller(msgspec.Struct, frozen=True):
    """The holder of a credential: one tenant, one role, and what the tenant's plan entitles it to.

    An API key is known by its id and name, a user (who came with a JWT) by ``sub`` as both, and perhaps an ``email``.
    """

    tenant: str
    role: Role
    key_id: str
    name: str
    entitlements: frozenset[str]
    kind: Literal["api_key", "user"] = "api_key"
    email: str = ""
    plan: Plan = "free"

    @property
    def actor(self) -> Actor:
        return Actor("user", self.name) if self.kind == "user" else Actor("api_key", f"key:{self.name}")
