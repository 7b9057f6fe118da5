"""``/admin``: tenants for the deployment's owner, keys for the admins of their tenant (contracts/incidents.md 0.6)."""

from litestar import Controller, Response, Router, delete, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from api.admin.administration import Administration
from api.admin.bodies import (
    ChangeTenantOperation,
    IssueKeyOperation,
    RegisterTenantOperation,
    RevokeKeyOperation,
    refuses,
)
from api.admin.requests import AdminRequest, administrator, answer_of, body_of
from api.identity import ADMINISTRATION, DEPLOYMENT, Identity
from api.tracing import trace_of
from commands.access import ChangeTenant, IssuedKey, IssueKey, RegisterTenant, TenantView


class Tenants(Controller):
    path = "/admin/tenants"
    tags = ("administration",)

    @post(
        operation_id="registerTenant",
        opt={"access": DEPLOYMENT},
        operation_class=RegisterTenantOperation,
        responses=refuses(400, 409, 415),
        summary="Register a tenant",
    )
    async def register(
        self, request: AdminRequest, administration: NamedDependency[Administration]
    ) -> Response[TenantView]:
        command = await body_of(request, RegisterTenant)
        outcome = await administration.register_tenant(command, request.user.actor, trace_of(request.scope))
        return answer_of(outcome, 201)

    @patch(
        "/{id:str}",
        operation_id="changeTenant",
        opt={"access": DEPLOYMENT},
        operation_class=ChangeTenantOperation,
        responses=refuses(400, 404, 415),
        summary="Change a tenant's plan, entitlements or acknowledgement time-out",
    )
    async def change(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: AdminRequest,
        administration: NamedDependency[Administration],
        identity: NamedDependency[Identity],
    ) -> Response[TenantView]:
        command = await body_of(request, ChangeTenant)
        outcome = await administration.change_tenant(id, command, request.user.actor, trace_of(request.scope))
        identity.forget()
        return answer_of(outcome, 200)


class Keys(Controller):
    path = "/admin/keys"
    tags = ("administration",)

    @post(
        operation_id="issueKey",
        opt={"access": ADMINISTRATION},
        operation_class=IssueKeyOperation,
        responses=refuses(400, 404, 415),
        summary="Issue an API key; it is shown this once",
    )
    async def issue(
        self, request: AdminRequest, administration: NamedDependency[Administration]
    ) -> Response[IssuedKey]:
        command = await body_of(request, IssueKey)
        by, trace = administrator(request.user), trace_of(request.scope)
        return answer_of(await administration.issue_key(command, by, request.user.actor, trace), 201)

    @delete(
        "/{id:str}",
        operation_id="revokeKey",
        opt={"access": ADMINISTRATION},
        status_code=204,
        operation_class=RevokeKeyOperation,
        responses=refuses(400, 404),
        summary="Revoke an API key",
    )
    async def revoke(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: AdminRequest,
        administration: NamedDependency[Administration],
        identity: NamedDependency[Identity],
    ) -> Response[None]:
        by, trace = administrator(request.user), trace_of(request.scope)
        outcome = await administration.revoke_key(id, by, request.user.actor, trace)
        identity.forget()
        return answer_of(outcome, 204)


def admin_routes(administration: Administration, identity: Identity) -> Router:
    """Return the administration's routes; ``identity`` is told what they change."""
    return Router(
        "/",
        route_handlers=[Tenants, Keys],
        dependencies={
            "administration": Provide(lambda: administration, sync_to_thread=False),
            "identity": Provide(lambda: identity, sync_to_thread=False),
        },
    )
