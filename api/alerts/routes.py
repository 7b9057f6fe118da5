"""Where alerts begins: all its controllers around the incident domain."""

from litestar import Router

from api.alerts.incidents import AlertIncidents
from api.alerts.rules import AlertRules
from api.alerts.samples import AlertSamples
from api.incidents.ports import Tracking
from api.incidents.routes import routes_around


def alerts_routes(tracking: Tracking) -> Router:
    """Return the routes of alerts."""
    return routes_around(tracking, AlertIncidents, AlertRules, AlertSamples)
