"""Where webhooks begin: their controllers around what makes them."""

from litestar import Router
from litestar.di import Provide

from api.incidents.ports import Tracking
from api.webhooks.controllers import OneWebhook, WebhookList
from api.webhooks.deliveries import WebhookDeliveries
from api.webhooks.registration import Registration


def webhooks_routes(tracking: Tracking, registration: Registration) -> Router:
    """Return the routes of webhooks and their deliveries."""
    return Router(
        "/",
        route_handlers=[WebhookList, OneWebhook, WebhookDeliveries],
        dependencies={
            "tracking": Provide(lambda: tracking, sync_to_thread=False),
            "registration": Provide(lambda: registration, sync_to_thread=False),
        },
    )
