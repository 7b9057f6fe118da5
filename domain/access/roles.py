"""What roles and plans allow (contracts/incidents.md 0.4).

Four roles form a ladder; two stand beside it: a ``worker`` drives the engine, an ``auditor`` reads everything and
writes nothing. What a tenant may use beyond that follows from its plan and its own entitlements.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import get_args

from domain.access.events import Plan, Role

DEFAULT_TENANT = "default"

ROLES: tuple[Role, ...] = get_args(Role)
PLANS: tuple[Plan, ...] = get_args(Plan)
LADDER: tuple[Role, ...] = ("viewer", "operator", "admin", "owner")

#: Of several roles the last one of these counts: whoever may write more is the higher, and a worker may do all that a
#: viewer may, an operator all that a worker may. So the two beside the ladder have a place on it here.
RISING: tuple[Role, ...] = ("viewer", "auditor", "worker", "operator", "admin", "owner")

#: May see the insight views.
ANALYTICS = "analytics"
ENTITLEMENTS: tuple[str, ...] = (ANALYTICS,)

_OF_PLAN: Mapping[Plan, frozenset[str]] = {
    "free": frozenset(),
    "pro": frozenset(),
    "enterprise": frozenset({ANALYTICS}),
}


def entitlements_of(plan: Plan, granted: Sequence[str]) -> frozenset[str]:
    """Return everything a tenant may use: what its plan brings and what was granted beyond it."""
    return _OF_PLAN[plan] | frozenset(granted)


def may_hand_out(giver: Role, role: Role) -> bool:
    """Tell whether someone of role ``giver`` may make or revoke a key of ``role``: never one above their own."""
    if giver not in {"admin", "owner"}:
        return False
    return role not in LADDER or LADDER.index(role) <= LADDER.index(giver)


def highest(words: Collection[str]) -> Role | None:
    """Return the highest role among words, ``None`` where none of them is a role."""
    return next((role for role in reversed(RISING) if role in words), None)
