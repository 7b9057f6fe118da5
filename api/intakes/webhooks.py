"""``POST /v1/webhooks/{tenantId}/{provider}``: alerts of other systems come in (contracts/incidents.md 0.6)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from litestar import Controller, Response, Router, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import FromPath
from litestar.types import Scope

from api.identity import PUBLIC
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ports import Tracking
from api.incidents.requests import LARGEST_BODY, TOO_LARGE, Incoming, TrackingRequest
from api.intakes import alertmanager, custom, pagerduty
from api.intakes.documentation import REPLIES, ReceiveAlerts, refused_with
from api.intakes.door import Door, Knock
from api.intakes.inbound import Reader
from api.intakes.taking import Taking
from api.refusals import InvalidBody, UnknownPath
from api.tracing import trace_of
from domain.intakes.events import Provider

READERS: Mapping[Provider, Reader] = {
    custom.PROVIDER: custom.read,
    alertmanager.PROVIDER: alertmanager.read,
    pagerduty.PROVIDER: pagerduty.read,
}


class Reception(NamedTuple):
    """What webhooks need: where incidents are kept, who lets senders in, and whose bucket they are taken from."""

    tracking: Tracking
    door: Door
    take_for_intake: Callable[[Scope, str], Awaitable[None]]


class Webhooks(Controller):
    """Alerts that other systems hand in."""

    path = "/v1/webhooks"
    tags = ("feed",)
    response_headers = (POSITION,)

    @post(
        "/{tenant_id:str}/{provider:str}",
        operation_id="receiveAlerts",
        opt={"access": PUBLIC},
        operation_class=ReceiveAlerts,
        responses={**refused_with(400, 404, 409, 415), **REPLIES},
        status_code=202,
        request_max_body_size=LARGEST_BODY,
        summary="Hand in alerts of another system",
    )
    async def receive(
        self,
        tenant_id: FromPath[str],
        provider: FromPath[str],
        request: TrackingRequest,
        reception: NamedDependency[Reception],
    ) -> Response[Any]:
        """Open an incident for an alert, or note that it came again while its incident is unresolved.

        The request is signed with the secret of an intake; an `X-API-Key` that comes along has to be one of the
        tenant's. Senders for PagerDuty send the intake's `routing_key` instead.
        """
        sender = next((known for known in READERS if known == provider), None)
        if sender is None:
            raise UnknownPath(request.scope["path"])
        return await _received(tenant_id, sender, request, reception)


def webhook_routes(reception: Reception) -> Router:
    """Return the routes at which alerts come in."""
    return Router(
        "/",
        route_handlers=[Webhooks],
        dependencies={"reception": Provide(lambda: reception, sync_to_thread=False)},
    )


async def _received(tenant: str, provider: Provider, request: TrackingRequest, reception: Reception) -> Response[Any]:
    incoming = Incoming(request, reception.tracking)
    try:
        raw = await incoming.raw()
    except RequestEntityTooLarge as error:
        raise InvalidBody(TOO_LARGE) from error
    intake = await reception.door.admit(Knock(tenant, provider, request.headers, raw))
    await reception.take_for_intake(request.scope, intake)
    inbound = READERS[provider](await incoming.json(), incoming.now)
    key = request.headers.get("idempotency-key", "")
    fingerprint = reception.tracking.fingerprint(raw) if key else ""
    taking = Taking(reception.tracking.commands, tenant, intake, trace_of(request.scope))
    outcomes = await taking.take(inbound.alerts, key and f"{provider}\0{key}", fingerprint)
    status, body = inbound.reply(outcomes)
    position = max((outcome.position for outcome in outcomes), default=0)
    return answered(body, position, status)
