"""Facts of registers: what there is of a kind within a tenant. The stream is ``register-<kind>-<tenant>``."""

from typing import ClassVar

from domain.event import Event


class MemberListed(Event, frozen=True):
    """There is one more, known by its ULID."""

    topic: ClassVar[str] = "register.member_listed.v1"
    member: str


class MemberUnlisted(Event, frozen=True):
    """One is there no more."""

    topic: ClassVar[str] = "register.member_unlisted.v1"
    member: str


RegisterEvent = MemberListed | MemberUnlisted
