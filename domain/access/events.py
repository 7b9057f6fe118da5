"""Facts of tenants, their plans and their API keys, and of the deployment's clock (contracts/incidents.md 0.4)."""

from typing import ClassVar, Literal

from domain.event import Event

Plan = Literal["free", "pro", "enterprise"]
Role = Literal["viewer", "worker", "operator", "admin", "owner", "auditor"]


class TenantRegistered(Event, frozen=True):
    """A tenant joined the deployment. Its stream is ``tenant-<id>``."""

    topic: ClassVar[str] = "tenant.registered.v1"
    name: str
    plan: Plan
    entitlements: tuple[str, ...] = ()


class TenantPlanChanged(Event, frozen=True):
    """A tenant's plan or entitlements are other ones now."""

    topic: ClassVar[str] = "tenant.plan_changed.v1"
    plan: Plan
    entitlements: tuple[str, ...] = ()


class AcknowledgementTimeoutSet(Event, frozen=True):
    """After so many minutes without a further step an acknowledged incident of the tenant is open again; 0: never."""

    topic: ClassVar[str] = "tenant.acknowledgement_timeout_set.v1"
    minutes: int


class KeyIssued(Event, frozen=True):
    """An API key was made; only its keyed hash (hex HMAC-SHA-256) is kept. Its stream is ``key-<id>``."""

    topic: ClassVar[str] = "key.issued.v1"
    tenant: str
    role: Role
    name: str
    key_hash: str


class KeyRevoked(Event, frozen=True):
    """An API key opens nothing any more."""

    topic: ClassVar[str] = "key.revoked.v1"


AccessEvent = TenantRegistered | TenantPlanChanged | AcknowledgementTimeoutSet | KeyIssued | KeyRevoked


class TimeAdvanced(Event, frozen=True):
    """The engine's clock was moved forward for a test; ``offset_ms`` is its whole lead over the wall clock."""

    topic: ClassVar[str] = "engine.time_advanced.v1"
    offset_ms: int


EngineEvent = TimeAdvanced
