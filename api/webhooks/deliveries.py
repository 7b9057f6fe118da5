"""``/webhooks/{id}/deliveries``: what has become of each event, and delivering it once more (docs/webhooks.md)."""

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.identity import ADMINISTRATION
from api.incidents.answering import answered
from api.incidents.documentation import POSITION
from api.incidents.ports import Tracking
from api.incidents.requests import Incoming, TrackingRequest
from api.webhooks.bodies import (
    Asked,
    AskedToReplay,
    Deliveries,
    DeliveryWithAttempts,
    attempt_body,
    delivery_body,
    require_no_body,
)
from api.webhooks.documentation import (
    DEFAULT_LIMIT,
    DISABLED,
    MOST_LISTED,
    STATES,
    ListDeliveriesOperation,
    ReplayOperation,
    ShowOperation,
    WriteOperation,
    refused_with,
)
from api.webhooks.ids import WEBHOOK_IDS, delivery_in_path, no_delivery, no_event, not_yet
from commands.webhooks import RedeliverEvent, ReplayEvents, TestWebhook
from domain.identity import INT64_MAX
from infra.delivery.messages import delivery_id
from infra.delivery.records import (
    AttemptRecord,
    DeliveryRecord,
    deliveries,
    era_at,
    find_delivery,
    in_log,
    scheduled_upto,
)
from projections.webhooks.projector import READ_MODEL as WEBHOOKS
from projections.webhooks.queries import find_webhook


class WebhookDeliveries(Controller):
    """What a webhook delivers."""

    path = "/webhooks/{id:str}"
    tags = ("webhooks",)
    response_headers = (POSITION,)

    @post(
        "/test",
        operation_id="testWebhook",
        opt={"access": ADMINISTRATION},
        status_code=202,
        operation_class=WriteOperation,
        responses={**refused_with(400, 404, 415), **DISABLED},
        summary="Deliver an event about this very request, whatever the filters",
    )
    async def test(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Asked]:
        incoming, ulid = Incoming(request, tracking), WEBHOOK_IDS.in_path(id)
        await require_no_body(incoming)
        outcome = await incoming.send(TestWebhook(), ulid)
        era = await era_at(tracking.database, outcome.position)
        return answered(Asked(delivery_id(ulid, outcome.position, era)), outcome.position, 202)

    @post(
        "/replay",
        operation_id="replayWebhook",
        opt={"access": ADMINISTRATION},
        status_code=202,
        operation_class=ReplayOperation,
        responses={**refused_with(400, 404, 415), **DISABLED},
        summary="Deliver a stretch of the past, once more or for the first time",
    )
    async def replay(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[AskedToReplay]:
        """Deliver the events behind `after` up to `upto` that the filters let through, each under the id it has had."""
        incoming, ulid = Incoming(request, tracking), WEBHOOK_IDS.in_path(id)
        command = await incoming.body(ReplayEvents)
        head = await incoming.caught_up(WEBHOOKS)
        if command.upto > head:
            raise not_yet(command.upto)
        outcome = await incoming.send(command, ulid)
        return answered(AskedToReplay(command.after, command.upto), outcome.position, 202)

    @get(
        "/deliveries",
        operation_id="listDeliveries",
        opt={"access": ADMINISTRATION},
        operation_class=ListDeliveriesOperation,
        responses=refused_with(400, 404),
        summary="List deliveries, the newest first",
    )
    async def show_all(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Deliveries]:
        incoming = Incoming(request, tracking)
        asked = incoming.parameters
        state = asked.word("state", STATES)
        limit = asked.number("limit", DEFAULT_LIMIT, 1, MOST_LISTED)
        before = asked.number("before", INT64_MAX, 1, INT64_MAX)
        ulid, position = await _own(incoming, id)
        upto = await scheduled_upto(tracking.database)
        states = [known for known in STATES if known == state]
        rows = await deliveries(tracking.database, ulid, states=states, before=before, limit=limit + 1)
        page = [delivery_body(row) for row in rows[:limit]]
        return answered(Deliveries(page, page[-1].sequence if len(rows) > limit else None, upto), position)

    @get(
        "/deliveries/{delivery:str}",
        operation_id="getDelivery",
        opt={"access": ADMINISTRATION},
        operation_class=ShowOperation,
        responses=refused_with(400, 404),
        summary="Get a delivery with its attempts",
    )
    async def show(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        delivery: FromPath[str],
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[DeliveryWithAttempts]:
        ulid, position = await _own(Incoming(request, tracking), id)
        record, attempts = await _found(tracking, ulid, delivery)
        return answered(DeliveryWithAttempts(delivery_body(record), [attempt_body(one) for one in attempts]), position)

    @post(
        "/deliveries/{delivery:str}/redeliver",
        operation_id="redeliver",
        opt={"access": ADMINISTRATION},
        status_code=202,
        operation_class=WriteOperation,
        responses={**refused_with(400, 404, 415), **DISABLED},
        summary="Deliver an event once more",
    )
    async def redeliver(
        self,
        id: FromPath[str],  # noqa: A002  (the parameter's name in the document)
        delivery: FromPath[str],
        request: TrackingRequest,
        tracking: NamedDependency[Tracking],
    ) -> Response[Asked]:
        """Deliver the same bytes under the same id, with a fresh schedule of attempts."""
        incoming = Incoming(request, tracking)
        await require_no_body(incoming)
        ulid, _ = await _own(incoming, id)
        record, _ = await _found(tracking, ulid, delivery)
        if not await in_log(tracking.database, record):
            raise no_event(delivery)
        outcome = await incoming.send(RedeliverEvent(record.position), ulid)
        return answered(Asked(delivery), outcome.position, 202)


async def _own(incoming: Incoming, public_id: str) -> tuple[str, int]:
    """Return the ULID of a webhook of the tenant, and the position that says so."""
    ulid = WEBHOOK_IDS.in_path(public_id)
    position = await incoming.caught_up(WEBHOOKS)
    if await find_webhook(incoming.tracking.database, incoming.tenant, ulid) is None:
        raise WEBHOOK_IDS.unknown(ulid)
    return ulid, position


async def _found(tracking: Tracking, webhook: str, delivery: str) -> tuple[DeliveryRecord, list[AttemptRecord]]:
    found = await find_delivery(tracking.database, webhook, *delivery_in_path(delivery, webhook))
    if found is None:
        raise no_delivery(delivery)
    return found
