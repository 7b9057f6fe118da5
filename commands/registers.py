"""How many of a kind a tenant may have: a register lists those that there are.

Who makes one and who takes one away append to the register as well, so of several who make the last one at once one
does, on whatever node; the others are decided again, and refused.
"""

from domain.coordination.unit_of_work import UnitOfWork
from domain.registers.events import MemberListed, MemberUnlisted
from domain.registers.register import Register
from domain.rejection import InvalidState


def enlist(unit: UnitOfWork, register: str, member: str, most: int, refusal: InvalidState) -> None:
    """Add a member to the register of this stream; raise the refusal where it has so many already."""
    known: Register | None = unit.state(register)
    if known is not None and len(known.members) >= most:
        raise refusal
    unit.record(register, MemberListed(member))


def strike_off(unit: UnitOfWork, register: str, member: str) -> None:
    """Take a member off the register of this stream."""
    unit.record(register, MemberUnlisted(member))
