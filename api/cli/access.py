"""``annals tenants`` and ``annals keys``."""

import asyncio
from collections.abc import Sequence

import click
from msgspec import UNSET

from api.admin.administration import SYSTEM
from api.cli.database import opened, require_tenant
from api.cli.tables import show
from api.counting import counted
from commands.access import ON_THE_MACHINE, ChangeTenant, IssueKey, RegisterTenant, TenantView
from commands.access_fields import LONGEST_TIMEOUT_MINUTES
from domain.access.roles import DEFAULT_TENANT, ENTITLEMENTS, PLANS, ROLES
from infra.access import KeyRow, TenantRow

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each.")
ENTITLEMENT = click.option(
    "--entitlement",
    "entitlements",
    multiple=True,
    type=click.Choice(ENTITLEMENTS),
    help="Grant it beyond the plan; may be given several times.",
)


@click.group()
def tenants() -> None:
    """List, create and change tenants."""


@tenants.command("list")
@AS_JSON
def list_tenants(*, as_json: bool) -> None:
    """List every tenant."""

    async def rows() -> Sequence[TenantRow]:
        async with opened() as node:
            return await node.records.tenants()

    show(asyncio.run(rows()), as_json=as_json, dim="revoked")


@tenants.command("create")
@click.argument("tenant_id", metavar="ID")
@click.option("--name", help="What people call it; the id when it is not given.")
@click.option("--plan", type=click.Choice(PLANS), default="free", show_default=True)
@ENTITLEMENT
def create_tenant(tenant_id: str, name: str | None, plan: str, entitlements: tuple[str, ...]) -> None:
    """Create a tenant. ID is of lower-case letters, digits and hyphens."""

    async def create() -> TenantView:
        async with opened(founding=True) as node:
            command = RegisterTenant(tenant_id, name or tenant_id, plan, entitlements)
            view: TenantView = (await node.administration.register_tenant(command, SYSTEM)).answer
            return view

    _say_of(asyncio.run(create()))


@tenants.command("change")
@click.argument("tenant_id", metavar="ID")
@click.option("--plan", type=click.Choice(PLANS))
@ENTITLEMENT
@click.option("--no-entitlements", is_flag=True, help="Take back what was granted beyond the plan.")
@click.option(
    "--acknowledgement-timeout",
    metavar="MINUTES",
    type=click.IntRange(0, LONGEST_TIMEOUT_MINUTES),
    help="Minutes after which an acknowledgement that nobody followed up on is taken back; 0: never.",
)
def change_tenant(
    tenant_id: str,
    plan: str | None,
    entitlements: tuple[str, ...],
    *,
    no_entitlements: bool,
    acknowledgement_timeout: int | None,
) -> None:
    """Give a tenant another plan, other entitlements or another time-out; what is not given stays."""
    granted = entitlements if entitlements or no_entitlements else None
    minutes = UNSET if acknowledgement_timeout is None else acknowledgement_timeout

    async def change() -> TenantView:
        async with opened() as node:
            command = ChangeTenant(plan, granted, minutes)
            view: TenantView = (await node.administration.change_tenant(tenant_id, command, SYSTEM)).answer
            return view

    _say_of(asyncio.run(change()))


@click.group()
def keys() -> None:
    """List, create and revoke API keys."""


@keys.command("list")
@click.option("--tenant", help="Only those of this tenant.")
@AS_JSON
def list_keys(tenant: str | None, *, as_json: bool) -> None:
    """List every key that was ever issued; the keys themselves are kept nowhere."""

    async def rows() -> Sequence[KeyRow]:
        async with opened() as node:
            await require_tenant(node, tenant)
            return [row for row in await node.records.keys() if tenant in {None, row.tenant}]

    show(asyncio.run(rows()), as_json=as_json, dim="revoked")


@keys.command("create")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True)
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--name", required=True, help="What people call it, for the log.")
def create_key(tenant: str, role: str, name: str) -> None:
    """Create a key and print it: the only time that it is shown."""

    async def create() -> tuple[str, str]:
        async with opened(founding=True) as node:
            command = IssueKey(tenant, role, name)
            issued = (await node.administration.issue_key(command, ON_THE_MACHINE, SYSTEM)).answer
            return issued.id, issued.key

    key_id, key = asyncio.run(create())
    click.echo(f"key {key_id} of role {role} for tenant {tenant}, shown this once:", err=True)
    click.echo(key)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_key(key_id: str) -> None:
    """Revoke a key; all nodes refuse it within a second."""

    async def revoke() -> None:
        async with opened() as node:
            await node.administration.revoke_key(key_id, ON_THE_MACHINE, SYSTEM)

    asyncio.run(revoke())
    click.echo(f"key {key_id} is revoked")


def _say_of(view: TenantView) -> None:
    beyond = f" with {', '.join(view.entitlements)}" if view.entitlements else ""
    timeout = view.acknowledgement_timeout_minutes
    until = f"; acknowledgements are taken back after {counted(timeout, 'minute')}" if timeout else ""
    click.echo(f"tenant {view.id} has plan {view.plan}{beyond}{until}")
