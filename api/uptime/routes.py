"""The routes of uptime."""

from litestar import Router

from api.incidents.ports import Tracking
from api.incidents.routes import routes_around
from api.uptime.affected_checks import AffectedChecks
from api.uptime.checks import Checks
from api.uptime.incidents import Incidents
from api.uptime.updates import IncidentUpdates


def uptime_routes(tracking: Tracking) -> Router:
    """Return the routes below ``/api/incidents`` and ``/api/checks``."""
    return routes_around(tracking, Incidents, IncidentUpdates, AffectedChecks, Checks)
