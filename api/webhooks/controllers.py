"""``/webhooks``: where events are delivered to (docs/webhooks.md)."""

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import ADMINISTRATION
from api.incidents.answering import answered
from api.incidents.cursors import Cursors, Place
from api.incidents.documentation import POSITION
from api.incidents.ports import Tracking
from api.incidents.requests import Incoming, TrackingRequest
from api.webhooks.bodies import (
    CreatedWebhook,
    Webhook,
    Webhooks,
    WebhookSecret,
    created_body,
    require_no_body,
    webhook_body,
)
from api.webhooks.documentation import (
    DEFAULT_LIMIT,
    MOST_LISTED,
    TOO_MANY,
    ChangeWebhookOperation,
    CreateWebhookOperation,
    DeleteOperation,
    ListWebhooksOperation,
    RotateSecretOperation,
    ShowOperation,
    WriteOperation,
    refused_with,
)
from api.webhooks.ids import WEBHOOK_IDS
from api.webhooks.registration import Registration
from commands.handling import Outcome
from commands.webhooks import (
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RotateWebhookSecret,
)
from domain.identity import webhook_stream
from projections.webhooks.projector import READ_MODEL as WEBHOOKS
from projections.webhooks.queries import ListedWebhook, find_webhook, list_webhooks, webhook_told_by


class WebhookList(Controller):
    """All webhooks of a tenant."""

    path = "/webhooks"
    tags = ("webhooks",)
    response_headers = (POSITION,)

    @get(
        operation_id="listWebhooks",
        opt={"access": ADMINISTRATION},
        operation_class=ListWebhooksOperation,
        responses=refused_with(400),
        summary="List webhooks",
    )
    async def show_all(self, request: TrackingRequest, tracking: NamedDependency[Tracking]) -> Response[Webhooks]:
        incoming = Incoming(request, tracking)
        limit = incoming.parameters.number("limit", DEFAULT_LIMIT, 1, MOST_LISTED)
        cursors = Cursors(tracking.fingerprint, f"webhooks\0{incoming.tenant}".encode(), incoming.wall)
        cursor = incoming.parameters.text("cursor")
        after = "" if cursor is None else cursors.place(cursor).incident
        position = await incoming.caught_up(WEBHOOKS)
        rows = await list_webhooks(tracking.database, incoming.tenant, after, limit + 1)
        page = rows[:limit]
        further = cursors.at(Place(page[-1].created_at, page[-1].webhook)) if len(rows) > limit else None
        return answered(Webhooks([webhook_body(row) for row in page], further), position)

    @post(
        operation_id="createWebhook",
        opt={"access": ADMINISTRATION},
        operation_class=CreateWebhookOperation,
        responses={**refused_with(400, 404, 415), **TOO_MANY},
        summary="Have events delivered to a URL; the secret is shown this once",
    )
    async def create(
        self,
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
        registration: NamedDependency[Registration],
    ) -> Response[CreatedWebhook]:
        """Deliver the events behind this one on. A repeated request (`Idempotency-Key`) shows the same secret."""
        incoming = Incoming(request, tracking)
        command = await incoming.body(CreateWebhook)
        minted = await registration.create(command, incoming.tenant, incoming.send)
        # Not from the read model: were that behind, the answer would be lost, and with it the secret.
        row = webhook_told_by(await tracking.streams.read(webhook_stream(minted.ulid)), minted.ulid)
        if row is None:
            raise WEBHOOK_IDS.unknown(minted.ulid)
        return answered(created_body(row, minted.secret), minted.outcome.position, status=201)


class OneWebhook(Controller):
    """A webhook."""

    path = "/webhooks/{id:str}"
    tags = ("webhooks",)
    response_headers = (POSITION,)

    @get(
        operation_id="getWebhook",
        opt={"access": ADMINISTRATION},
        operation_class=ShowOperation,
        responses=refused_with(400, 404),
        summary="Get a webhook",
    )
    async def show(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Webhook]:
        return await _shown(Incoming(request, tracking), WEBHOOK_IDS.in_path(id))

    @patch(
        operation_id="changeWebhook",
        opt={"access": ADMINISTRATION},
        operation_class=ChangeWebhookOperation,
        responses=refused_with(400, 404, 409, 415),
        summary="Have others delivered, or elsewhere",
    )
    async def change(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
        registration: NamedDependency[Registration],
    ) -> Response[Webhook]:
        """Change what is given; the rest stays. What waits to be sent goes to the new URL."""
        incoming = Incoming(request, tracking)
        ulid = WEBHOOK_IDS.in_path(id)
        command = await incoming.body(ChangeWebhook)
        return await _shown(incoming, ulid, await registration.change(command, ulid, incoming.send))

    @delete(
        operation_id="deleteWebhook",
        opt={"access": ADMINISTRATION},
        status_code=204,
        operation_class=DeleteOperation,
        responses=refused_with(400, 404, 409),
        summary="Deliver nothing any more, not even what waits",
    )
    async def delete(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[None]:
        outcome = await Incoming(request, tracking).send(DeleteWebhook(), WEBHOOK_IDS.in_path(id))
        return Response(None, status_code=204, headers={POSITION.name: str(outcome.position)})

    @post(
        "/secret/rotate",
        operation_id="rotateWebhookSecret",
        opt={"access": ADMINISTRATION},
        status_code=200,
        operation_class=RotateSecretOperation,
        responses=refused_with(400, 404, 409, 415),
        summary="Sign with a new secret, which is shown this once",
    )
    async def rotate(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
        registration: NamedDependency[Registration],
    ) -> Response[WebhookSecret]:
        """Sign with the secret before as well, for `overlapSeconds`. Four sign at a time, the oldest goes first."""
        incoming = Incoming(request, tracking)
        ulid = WEBHOOK_IDS.in_path(id)
        command = await incoming.body_if_any(RotateWebhookSecret)
        minted = await registration.rotate(command, ulid, incoming.tenant, incoming.send)
        return answered(WebhookSecret(WEBHOOK_IDS.of(ulid), minted.secret), minted.outcome.position)

    @post(
        "/enable",
        operation_id="enableWebhook",
        opt={"access": ADMINISTRATION},
        status_code=200,
        operation_class=WriteOperation,
        responses=refused_with(400, 404, 409, 415),
        summary="Deliver again: what waits, and what happens from now on",
    )
    async def enable(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Webhook]:
        incoming, ulid = Incoming(request, tracking), WEBHOOK_IDS.in_path(id)
        await require_no_body(incoming)
        return await _shown(incoming, ulid, await incoming.send(EnableWebhook(), ulid))

    @post(
        "/disable",
        operation_id="disableWebhook",
        opt={"access": ADMINISTRATION},
        status_code=200,
        operation_class=WriteOperation,
        responses=refused_with(400, 404, 409, 415),
        summary="Deliver nothing for the time being",
    )
    async def disable(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Webhook]:
        """Keep what waits until it is enabled; what happens meanwhile is not delivered but by a replay."""
        incoming, ulid = Incoming(request, tracking), WEBHOOK_IDS.in_path(id)
        await require_no_body(incoming)
        return await _shown(incoming, ulid, await incoming.send(DisableWebhook(), ulid))


async def _found(incoming: Incoming, ulid: str, after: Outcome | None = None) -> tuple[int, ListedWebhook]:
    """Return a webhook, once everything written before, or this command, can be seen in it, and the position."""
    position = await incoming.caught_up(WEBHOOKS, after=after)
    row = await find_webhook(incoming.tracking.database, incoming.tenant, ulid)
    if row is None:
        raise WEBHOOK_IDS.unknown(ulid)
    return position, row


async def _shown(incoming: Incoming, ulid: str, after: Outcome | None = None) -> Response[Webhook]:
    position, row = await _found(incoming, ulid, after)
    return answered(webhook_body(row), position)
