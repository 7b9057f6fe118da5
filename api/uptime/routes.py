"""The routes of uptime."""

from litestar import Router
from litestar.di import Provide

from api.incidents.ports import Tracking
from api.uptime.affected_checks import AffectedChecks
from api.uptime.checks import Checks
from api.uptime.incidents import Incidents
from api.uptime.updates import IncidentUpdates


def uptime_routes(tracking: Tracking) -> Router:
    """Return the routes below ``/api/incidents`` and ``/api/checks``."""
    return Router(
        "/",
        route_handlers=[Incidents, IncidentUpdates, AffectedChecks, Checks],
        dependencies={"tracking": Provide(lambda: tracking, sync_to_thread=False)},
    )
