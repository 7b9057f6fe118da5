"""Where alerts begins: all its controllers around the incident domain."""

from litestar import Router
from litestar.di import Provide

from api.alerts.incidents import AlertIncidents
from api.alerts.rules import AlertRules
from api.alerts.samples import AlertSamples
from api.incidents.ports import Tracking


def alerts_routes(tracking: Tracking) -> Router:
    """Return the routes of alerts."""
    return Router(
        "/",
        route_handlers=[AlertIncidents, AlertRules, AlertSamples],
        dependencies={"tracking": Provide(lambda: tracking, sync_to_thread=False)},
    )
