"""Registering and changing tenants, issuing and revoking API keys (contracts/incidents.md 0.4)."""

from typing import NamedTuple, cast

import msgspec

from commands.access_fields import granted, known_plan, known_role, label, required_tenant_id
from commands.context import Decision
from commands.intents import Intent
from domain.access.events import KeyIssued, KeyRevoked, Plan, Role, TenantPlanChanged, TenantRegistered
from domain.access.key import Key
from domain.access.roles import DEFAULT_TENANT, may_hand_out
from domain.access.tenant import Tenant
from domain.event import Append
from domain.identity import key_stream, tenant_stream
from domain.rejection import Cause, Forbidden, InvalidInput, InvalidState, NotFound


class RegisterTenant(Intent, frozen=True):
    """Take a tenant into the deployment (``POST /admin/tenants``)."""

    id: str = ""
    name: str = ""
    plan: str = ""
    entitlements: tuple[str, ...] = ()


class ChangeTenant(Intent, frozen=True):
    """Give a tenant another plan or other entitlements (``PATCH /admin/tenants/{id}``); absent members stay."""

    plan: str | None = None
    entitlements: tuple[str, ...] | None = None


class IssueKey(Intent, frozen=True):
    """Make an API key for a tenant (``POST /admin/keys``)."""

    tenant_id: str = ""
    role: str = ""
    name: str = ""


class TenantView(msgspec.Struct, frozen=True, rename="camel"):
    """A tenant as administrators see it; ``entitlements`` are those granted beyond what its plan brings."""

    id: str
    name: str
    plan: Plan
    entitlements: tuple[str, ...]


class IssuedKey(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to making a key: the only time that ``key`` is shown."""

    id: str
    tenant_id: str
    role: Role
    name: str
    key: str


class Administrator(NamedTuple):
    """Who administers, with which role: for one tenant or, ``deployment`` being true, for every tenant."""

    tenant: str
    role: Role
    deployment: bool


#: Who works on the database itself: the command line, and the first start.
ON_THE_MACHINE = Administrator(DEFAULT_TENANT, "owner", deployment=True)


class MintedKey(NamedTuple):
    """A fresh API key, made outside of any decision: chance and the deployment's secret key stay there.

    ``key`` says its ``id``; ``key_hash``, keyed, is all that the log may know of it.
    """

    id: str
    key: str
    key_hash: str


def register_tenant(command: RegisterTenant, tenant: Tenant | None) -> Decision:
    """Refuse wrong fields with a cause each, and an id that is taken."""
    title = "failed to register tenant"
    _refuse_if_any(
        title,
        *required_tenant_id("#/id", command.id),
        *label("#/name", command.name),
        *known_plan(command.plan),
        *granted(command.entitlements),
    )
    if tenant is not None:
        raise InvalidState(title, f"tenant {command.id} already exists")
    event = TenantRegistered(command.name, cast("Plan", command.plan), _in_order(command.entitlements))
    answer = TenantView(command.id, event.name, event.plan, event.entitlements)
    return Decision((Append(tenant_stream(command.id), 0, (event,)),), answer)


def change_tenant(tenant_id: str, command: ChangeTenant, tenant: Tenant | None) -> Decision:
    """Change what is given and differs; a change to what already is appends nothing."""
    title = "failed to change tenant"
    if command.plan is None and command.entitlements is None:
        raise InvalidInput(title, "a plan or entitlements must be given")
    _refuse_if_any(
        title,
        *(known_plan(command.plan) if command.plan is not None else ()),
        *granted(command.entitlements or ()),
    )
    if tenant is None:
        raise NotFound(title, f"tenant {tenant_id} could not be found")
    event = TenantPlanChanged(
        tenant.plan if command.plan is None else cast("Plan", command.plan),
        tenant.granted if command.entitlements is None else _in_order(command.entitlements),
    )
    answer = TenantView(tenant_id, tenant.name, event.plan, event.entitlements)
    if (event.plan, event.entitlements) == (tenant.plan, tenant.granted):
        return Decision((), answer)
    return Decision((Append(tenant_stream(tenant_id), tenant.version, (event,)),), answer)


def issue_key(command: IssueKey, by: Administrator, tenant: Tenant | None, minted: MintedKey) -> Decision:
    """Make a key for a tenant the administrator may see, of a role not above their own."""
    title = "failed to issue key"
    _refuse_if_any(
        title,
        *required_tenant_id("#/tenantId", command.tenant_id),
        *known_role(command.role),
        *label("#/name", command.name),
    )
    role = cast("Role", command.role)
    if tenant is None or not (by.deployment or by.tenant == command.tenant_id):
        raise NotFound(title, f"tenant {command.tenant_id} could not be found")
    _refuse_above(title, by, role)
    event = KeyIssued(command.tenant_id, role, command.name, minted.key_hash)
    answer = IssuedKey(minted.id, command.tenant_id, role, command.name, minted.key)
    return Decision((Append(key_stream(minted.id), 0, (event,)),), answer)


def revoke_key(key_id: str, by: Administrator, key: Key | None) -> Decision:
    """Revoke a key. One that is revoked, unknown or another tenant's is answered alike: there is no such key."""
    title = "failed to revoke key"
    if key is None or key.revoked or not (by.deployment or by.tenant == key.tenant):
        raise NotFound(title, f"key {key_id} could not be found")
    _refuse_above(title, by, key.role)
    return Decision((Append(key_stream(key_id), key.version, (KeyRevoked(),)),))


def found_deployment(minted: MintedKey, tenant: Tenant | None) -> Decision:
    """Make the tenant ``default`` and its first owner key, in one append; afterwards nothing, without an answer.

    Of two nodes that start at once one conflicts, decides again, and finds the tenant there.
    """
    if tenant is not None:
        return Decision(())
    registered = TenantRegistered(DEFAULT_TENANT, "enterprise")
    issued = KeyIssued(DEFAULT_TENANT, "owner", "bootstrap", minted.key_hash)
    return Decision(
        (Append(tenant_stream(DEFAULT_TENANT), 0, (registered,)), Append(key_stream(minted.id), 0, (issued,))),
        IssuedKey(minted.id, DEFAULT_TENANT, "owner", issued.name, minted.key),
    )


def _in_order(entitlements: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(entitlements)))


def _refuse_above(title: str, by: Administrator, role: Role) -> None:
    if not may_hand_out(by.role, role):
        raise Forbidden(title, f"a key of role {role} is beyond role {by.role}")


def _refuse_if_any(title: str, *causes: Cause) -> None:
    if causes:
        raise InvalidInput(title, "fields are invalid", causes)
