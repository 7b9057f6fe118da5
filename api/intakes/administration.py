"""``/admin/intakes``: where other systems may hand in alerts (contracts/incidents.md 0.6, inbound webhooks)."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar import Controller, Response, Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from api.admin.bodies import RevokeKeyOperation, refuses
from api.admin.requests import AdminRequest, administrator, answer_of, body_of
from api.base_url import base_url
from api.identity import ADMINISTRATION
from api.incidents.parameters import Parameters
from api.intakes.documentation import ListIntakesOperation, OpenIntakeOperation
from api.intakes.door import Door
from api.intakes.pagerduty import PROVIDER as PAGERDUTY
from api.tracing import trace_of
from commands.access import Administrator
from commands.handling import Asker, Commands, Outcome
from commands.intakes import PROVIDERS, CloseIntake, IntakeToClose, IntakeToOpen, IntakeView, OpenIntake, no_intake
from domain.event import Actor
from domain.intakes.events import Provider
from domain.timestamps import iso_milliseconds
from infra.intakes import IntakeRecords, IntakeSecrets
from infra.secret_key import KEY_ID


class OpenedIntake(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The answer to opening an intake: the only time that its ``secret`` and ``routingKey`` are shown."""

    id: str
    provider: Provider
    url: str
    secret: str
    routing_key: str = ""


class ListedIntake(msgspec.Struct, frozen=True, rename="camel"):
    """An open intake, without what opens it."""

    id: str
    tenant_id: str
    provider: Provider
    name: str
    url: str
    opened_at: str


class ListedIntakes(msgspec.Struct, frozen=True):
    """All of them, in the order in which they were opened."""

    intakes: Sequence[ListedIntake]
    count: int


class IntakeAdministration:
    """Sends the commands about intakes, each in the name of the tenant that it is about, and lists them."""

    def __init__(
        self, commands: Commands, records: IntakeRecords, secrets: IntakeSecrets, ulid: Callable[[], str]
    ) -> None:
        self._commands = commands
        self._secrets = secrets
        self._ulid = ulid
        self.records = records

    async def open(
        self, command: OpenIntake, by: Administrator, actor: Actor, base: str, trace: str | None = None
    ) -> Outcome:
        """Answer an ``OpenedIntake``."""
        tenant = command.tenant_id
        minted = self._secrets.mint(tenant, self._ulid(), with_routing_key=command.provider == PAGERDUTY)
        asker = Asker(tenant, actor, traceparent=trace)
        outcome = await self._commands.send(command, asker, IntakeToOpen(by, minted))
        provider: Any = command.provider  # the command was not refused
        url = _url(base, tenant, provider)
        return outcome._replace(answer=OpenedIntake(minted.id, provider, url, minted.secret, minted.routing_key))

    async def close(self, intake_id: str, by: Administrator, actor: Actor, trace: str | None = None) -> Outcome:
        """Answer nothing."""
        if not KEY_ID.fullmatch(intake_id):
            raise no_intake(intake_id)
        tenant = await self.records.tenant_of(intake_id) or by.tenant
        asker = Asker(tenant, actor, traceparent=trace)
        return await self._commands.send(CloseIntake(), asker, IntakeToClose(by, intake_id))

    async def listed(self, by: Administrator, tenant: str | None) -> Sequence[IntakeView]:
        """Return the open intakes of a tenant, or of every tenant that the administrator sees."""
        if tenant is None and by.deployment:
            return await self.records.of_all()
        whose = by.tenant if tenant is None else tenant
        return await self.records.of_tenant(whose, PROVIDERS) if by.sees(whose) else []


class AdministeredIntakes(Controller):
    """Where other systems may hand in alerts."""

    path = "/admin/intakes"
    tags = ("administration",)

    @post(
        operation_id="openIntake",
        opt={"access": ADMINISTRATION},
        operation_class=OpenIntakeOperation,
        responses=refuses(400, 404, 409, 415),
        summary="Open an intake for alerts; what opens it is shown this once",
    )
    async def open(
        self, request: AdminRequest, intakes: NamedDependency[IntakeAdministration], door: NamedDependency[Door]
    ) -> Response[OpenedIntake]:
        command = await body_of(request, OpenIntake)
        by, trace = administrator(request.user), trace_of(request.scope)
        outcome = await intakes.open(command, by, request.user.actor, base_url(request), trace)
        door.forget()
        return answer_of(outcome, 201)

    @get(
        operation_id="listIntakes",
        opt={"access": ADMINISTRATION},
        operation_class=ListIntakesOperation,
        responses=refuses(400),
        summary="List the open intakes",
    )
    async def show_all(
        self, request: AdminRequest, intakes: NamedDependency[IntakeAdministration]
    ) -> Response[ListedIntakes]:
        """List those of the caller's tenant; for the owner of the deployment, those of all tenants."""
        tenant = Parameters(request.scope["query_string"]).text("tenantId")
        base = base_url(request)
        rows = [_row(view, base) for view in await intakes.listed(administrator(request.user), tenant)]
        return Response(ListedIntakes(rows, len(rows)))

    @delete(
        "/{id:str}",
        operation_id="closeIntake",
        opt={"access": ADMINISTRATION},
        status_code=204,
        operation_class=RevokeKeyOperation,
        responses=refuses(400, 404),
        summary="Close an intake; nothing is taken under its secret any more",
    )
    async def close(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the contract)
        request: AdminRequest,
        intakes: NamedDependency[IntakeAdministration],
        door: NamedDependency[Door],
    ) -> Response[None]:
        by, trace = administrator(request.user), trace_of(request.scope)
        outcome = await intakes.close(id, by, request.user.actor, trace)
        door.forget()
        return answer_of(outcome, 204)


def intake_routes(intakes: IntakeAdministration, door: Door) -> Router:
    """Return the administration's routes about intakes; ``door`` is told what they change."""
    return Router(
        "/",
        route_handlers=[AdministeredIntakes],
        dependencies={
            "intakes": Provide(lambda: intakes, sync_to_thread=False),
            "door": Provide(lambda: door, sync_to_thread=False),
        },
    )


def _row(view: IntakeView, base: str) -> ListedIntake:
    return ListedIntake(
        id=view.id,
        tenant_id=view.tenant,
        provider=view.provider,
        name=view.name,
        url=_url(base, view.tenant, view.provider),
        opened_at=iso_milliseconds(view.opened_at),
    )


def _url(base: str, tenant: str, provider: Provider) -> str:
    """Return where alerts come in, below the address that the administrator has used."""
    return f"{base}/v1/webhooks/{tenant}/{provider}"
