"""What there is of a kind within a tenant, so that there are no more than may be, however many are made at once."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.registers.events import MemberListed, MemberUnlisted, RegisterEvent


class Register(msgspec.Struct, frozen=True):
    """Their ULIDs, in the order in which they were listed."""

    members: tuple[str, ...] = ()


def evolve(known: Register | None, event: RegisterEvent, _at: datetime, _by: str, _tenant: str) -> Register:
    """Apply a fact."""
    members = known.members if known is not None else ()
    match event:
        case MemberListed():
            return Register((*members, event.member))
        case MemberUnlisted():
            return Register(tuple(member for member in members if member != event.member))
        case _:
            assert_never(event)
