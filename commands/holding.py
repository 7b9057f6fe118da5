"""Holding what clients know by a ULID: incidents, checks, rules and webhooks (contracts/incidents.md 0.6, ids)."""

from collections.abc import Mapping
from typing import Any

from commands.desk import Desk
from domain.rejection import NotFound

#: How the id that clients see begins, by the kind of thing, which is how its stream's name begins.
PREFIXES: Mapping[str, str] = {"incident": "inc_", "check": "chk_", "rule": "rule_", "webhook": "whk_"}


async def hold_own(desk: Desk, stream: str, tenant: str, title: str) -> Any:
    """Hold a tenant's incident, check, rule or webhook, and return its state.

    Raise ``NotFound``, under this title, alike for what is unknown, deleted or another tenant's.
    """
    state = (await desk.hold(stream)).state
    if state is None or state.tenant != tenant or getattr(state, "deleted", False):
        kind, _, ulid = stream.partition("-")
        raise NotFound(title, f"{kind} {PREFIXES[kind]}{ulid} could not be found")
    return state
