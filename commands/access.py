"""Registering and changing tenants, issuing and revoking API keys (contracts/incidents.md 0.4).

The asker's tenant is the tenant that is administered, so that its own log tells what was done to it; who administers is
in the target.
"""

from typing import NamedTuple, cast

import msgspec
from msgspec import UNSET, UnsetType

from commands.access_fields import (
    granted,
    is_tenant_id,
    known_plan,
    known_role,
    label,
    required_tenant_id,
    timeout_minutes,
)
from commands.context import Context, Decision
from commands.desk import Desk
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.states import Versioned
from domain.access.events import (
    AcknowledgementTimeoutSet,
    KeyIssued,
    KeyRevoked,
    Plan,
    Role,
    TenantPlanChanged,
    TenantRegistered,
)
from domain.access.key import Key
from domain.access.roles import DEFAULT_TENANT, may_hand_out
from domain.access.tenant import Tenant
from domain.event import Append, Event
from domain.identity import key_stream, tenant_stream
from domain.rejection import Forbidden, InvalidInput, InvalidState, NotFound

REGISTER, CHANGE = "failed to register tenant", "failed to change tenant"
ISSUE, REVOKE = "failed to issue key", "failed to revoke key"


class RegisterTenant(Intent, frozen=True):
    """Take a tenant into the deployment (``POST /admin/tenants``)."""

    id: str = ""
    name: str = ""
    plan: str = ""
    entitlements: tuple[str, ...] = ()


class ChangeTenant(Intent, frozen=True):
    """Change what a tenant has (``PATCH /admin/tenants/{id}``); absent members stay.

    Without ``acknowledgement_timeout_minutes``, which is 0 or None then, acknowledgements stay for ever.
    """

    plan: str | None = None
    entitlements: tuple[str, ...] | None = None
    acknowledgement_timeout_minutes: int | UnsetType | None = UNSET


class IssueKey(Intent, frozen=True):
    """Make an API key for a tenant (``POST /admin/keys``)."""

    tenant_id: str = ""
    role: str = ""
    name: str = ""


class RevokeKey(Intent, frozen=True):
    """Make an API key open nothing any more (``DELETE /admin/keys/{id}``)."""


class FoundDeployment(Intent, frozen=True):
    """Make the tenant ``default`` and its first owner key, unless they are there."""


class TenantView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A tenant as administrators see it; ``entitlements`` are those granted beyond what its plan brings.

    A time-out is told where there is one.
    """

    id: str
    name: str
    plan: Plan
    entitlements: tuple[str, ...]
    acknowledgement_timeout_minutes: int | None = None


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

    def sees(self, tenant: str) -> bool:
        return self.deployment or self.tenant == tenant


#: Who works on the database itself: the command line, and the first start.
ON_THE_MACHINE = Administrator(DEFAULT_TENANT, "owner", deployment=True)


class MintedKey(NamedTuple):
    """A fresh API key, made outside of any decision: chance and the deployment's secret key stay there.

    ``key`` says its ``id``; ``key_hash``, keyed, is all that the log may know of it.
    """

    id: str
    key: str
    key_hash: str


class KeyToIssue(NamedTuple):
    """The target of ``IssueKey``: who issues, and the key to give."""

    by: Administrator
    minted: MintedKey


class KeyToRevoke(NamedTuple):
    """The target of ``RevokeKey``: who revokes, and which key."""

    by: Administrator
    key_id: str


async def gather_register(command: RegisterTenant, _target: None, _context: Context, desk: Desk) -> Versioned:
    """Refuse wrong fields with a cause each; hold the tenant's stream."""
    refuse_if_any(
        REGISTER,
        *required_tenant_id("#/id", command.id),
        *label("#/name", command.name),
        *known_plan(command.plan),
        *granted(command.entitlements),
    )
    return await desk.hold(tenant_stream(command.id))


def decide_register(command: RegisterTenant, _target: None, held: Versioned, _context: Context) -> Decision:
    """Refuse an id that is taken."""
    if held.state is not None:
        raise InvalidState(REGISTER, f"tenant {command.id} already exists")
    event = TenantRegistered(command.name, cast("Plan", command.plan), _in_order(command.entitlements))
    answer = TenantView(command.id, event.name, event.plan, event.entitlements)
    return Decision((Append(tenant_stream(command.id), 0, (event,)),), answer)


async def gather_change(command: ChangeTenant, tenant_id: str, _context: Context, desk: Desk) -> Versioned:
    """Refuse wrong fields, and a change of nothing; hold the tenant's stream."""
    if command == ChangeTenant():
        raise InvalidInput(CHANGE, "a plan, entitlements or an acknowledgement time-out must be given")
    refuse_if_any(
        CHANGE,
        *(known_plan(command.plan) if command.plan is not None else ()),
        *granted(command.entitlements or ()),
        *timeout_minutes(command.acknowledgement_timeout_minutes or 0),
    )
    if not is_tenant_id(tenant_id):
        raise _no_tenant(CHANGE, tenant_id)
    return _known(CHANGE, tenant_id, await desk.hold(tenant_stream(tenant_id)))


def decide_change(command: ChangeTenant, tenant_id: str, held: Versioned, _context: Context) -> Decision:
    """Change what is given and differs; a change to what already is appends nothing."""
    tenant: Tenant = held.state
    plan = tenant.plan if command.plan is None else cast("Plan", command.plan)
    entitlements = tenant.granted if command.entitlements is None else _in_order(command.entitlements)
    timeout = command.acknowledgement_timeout_minutes
    minutes = tenant.acknowledgement_timeout if timeout is UNSET else timeout or 0
    events: list[Event] = []
    if (plan, entitlements) != (tenant.plan, tenant.granted):
        events.append(TenantPlanChanged(plan, entitlements))
    if minutes != tenant.acknowledgement_timeout:
        events.append(AcknowledgementTimeoutSet(minutes))
    answer = TenantView(tenant_id, tenant.name, plan, entitlements, minutes or None)
    appends = (Append(tenant_stream(tenant_id), held.version, tuple(events)),) if events else ()
    return Decision(appends, answer)


async def gather_issue(command: IssueKey, target: KeyToIssue, _context: Context, desk: Desk) -> Versioned:
    """Refuse wrong fields with a cause each; a tenant that the administrator may not see is not there."""
    refuse_if_any(
        ISSUE,
        *required_tenant_id("#/tenantId", command.tenant_id),
        *known_role(command.role),
        *label("#/name", command.name),
    )
    if not target.by.sees(command.tenant_id):
        raise _no_tenant(ISSUE, command.tenant_id)
    return _known(ISSUE, command.tenant_id, await desk.look(tenant_stream(command.tenant_id)))


def decide_issue(command: IssueKey, target: KeyToIssue, _held: Versioned, _context: Context) -> Decision:
    """Make a key of a role not above the administrator's own."""
    role, minted = cast("Role", command.role), target.minted
    _refuse_above(ISSUE, target.by, role)
    event = KeyIssued(command.tenant_id, role, command.name, minted.key_hash)
    answer = IssuedKey(minted.id, command.tenant_id, role, command.name, minted.key)
    return Decision((Append(key_stream(minted.id), 0, (event,)),), answer)


async def gather_revoke(_command: RevokeKey, target: KeyToRevoke, _context: Context, desk: Desk) -> Versioned:
    """Hold the key's stream."""
    return await desk.hold(key_stream(target.key_id))


def decide_revoke(_command: RevokeKey, target: KeyToRevoke, held: Versioned, _context: Context) -> Decision:
    """Revoke a key. One that is revoked, unknown or another tenant's is answered alike: there is no such key."""
    key: Key | None = held.state
    if key is None or key.revoked or not target.by.sees(key.tenant):
        raise no_key(target.key_id)
    _refuse_above(REVOKE, target.by, key.role)
    return Decision((Append(key_stream(target.key_id), held.version, (KeyRevoked(),)),))


async def gather_found(_command: FoundDeployment, _minted: MintedKey, _context: Context, desk: Desk) -> Versioned:
    """Hold the stream of the tenant ``default``."""
    return await desk.hold(tenant_stream(DEFAULT_TENANT))


def decide_found(_command: FoundDeployment, minted: MintedKey, held: Versioned, _context: Context) -> Decision:
    """Make the tenant and its owner key in one append; when the tenant is there, nothing, without an answer.

    Of two nodes that start at once one conflicts, decides again, and finds the tenant there.
    """
    if held.state is not None:
        return Decision(())
    registered = TenantRegistered(DEFAULT_TENANT, "enterprise")
    issued = KeyIssued(DEFAULT_TENANT, "owner", "bootstrap", minted.key_hash)
    return Decision(
        (Append(tenant_stream(DEFAULT_TENANT), 0, (registered,)), Append(key_stream(minted.id), 0, (issued,))),
        IssuedKey(minted.id, DEFAULT_TENANT, "owner", issued.name, minted.key),
    )


def _known(title: str, tenant_id: str, held: Versioned) -> Versioned:
    if held.state is None:
        raise _no_tenant(title, tenant_id)
    return held


def no_key(key_id: str) -> NotFound:
    return NotFound(REVOKE, f"key {key_id} could not be found")


def _no_tenant(title: str, tenant_id: str) -> NotFound:
    return NotFound(title, f"tenant {tenant_id} could not be found")


def _in_order(entitlements: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(entitlements)))


def _refuse_above(title: str, by: Administrator, role: Role) -> None:
    if not may_hand_out(by.role, role):
        raise Forbidden(title, f"a key of role {role} is beyond role {by.role}")
