"""A tenant as its facts tell it."""

from typing import assert_never

import msgspec

from domain.access.events import AcknowledgementTimeoutSet, Plan, TenantPlanChanged, TenantRegistered
from domain.access.roles import entitlements_of

TenantEvent = TenantRegistered | TenantPlanChanged | AcknowledgementTimeoutSet


class Tenant(msgspec.Struct, frozen=True):
    """Its name, its plan, and the entitlements granted beyond the plan.

    An acknowledgement that nobody follows up on is taken back after ``acknowledgement_timeout`` minutes; 0: never.
    """

    name: str
    plan: Plan
    granted: tuple[str, ...]
    acknowledgement_timeout: int = 0

    @property
    def entitlements(self) -> frozenset[str]:
        return entitlements_of(self.plan, self.granted)


def evolve(tenant: Tenant | None, event: TenantEvent) -> Tenant | None:
    """Apply a fact. A change of what was never registered changes nothing."""
    match event:
        case TenantRegistered():
            return Tenant(event.name, event.plan, event.entitlements)
        case TenantPlanChanged():
            return tenant and msgspec.structs.replace(tenant, plan=event.plan, granted=event.entitlements)
        case AcknowledgementTimeoutSet():
            return tenant and msgspec.structs.replace(tenant, acknowledgement_timeout=event.minutes)
        case _:
            assert_never(event)
