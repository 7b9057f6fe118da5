"""Which intakes a tenant has open for one provider: a signature has to be made with one of their secrets."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.intakes.events import IntakeListed, IntakesEvent, IntakeUnlisted

#: Intakes that a tenant may have open for a provider: each costs a look at every signature that comes.
MOST_OPEN = 20


class OpenIntakes(msgspec.Struct, frozen=True):
    """Their ULIDs, in the order in which they were opened."""

    intakes: tuple[str, ...] = ()


def evolve(known: OpenIntakes | None, event: IntakesEvent, _at: datetime, _by: str, _tenant: str) -> OpenIntakes:
    """Apply a fact."""
    intakes = known.intakes if known is not None else ()
    match event:
        case IntakeListed():
            return OpenIntakes((*intakes, event.intake))
        case IntakeUnlisted():
            return OpenIntakes(tuple(intake for intake in intakes if intake != event.intake))
        case _:
            assert_never(event)
