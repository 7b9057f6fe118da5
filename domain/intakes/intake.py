"""An intake: where one other system hands in alerts for one tenant, and how it proves that it may."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.intakes.events import IntakeClosed, IntakeEvent, IntakeOpened, Provider


class Intake(msgspec.Struct, frozen=True):
    """Whose intake it is, and what opens it."""

    tenant: str
    provider: Provider
    name: str
    sealed_secret: str
    routing_key_hash: str
    opened_at: datetime
    closed: bool = False


def evolve(intake: Intake | None, event: IntakeEvent, at: datetime, _by: str, tenant: str) -> Intake | None:
    """Apply a fact. Closing what was never opened changes nothing."""
    match event:
        case IntakeOpened():
            return Intake(tenant, event.provider, event.name, event.sealed_secret, event.routing_key_hash, at)
        case IntakeClosed():
            return intake and msgspec.structs.replace(intake, closed=True)
        case _:
            assert_never(event)
