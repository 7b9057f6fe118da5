"""The routes of uptime."""

from litestar import Router
from litestar.di import Provide

from api.incidents.ports import Tracking
from api.uptime.incidents import Incidents
from api.uptime.updates import IncidentUpdates


def uptime_routes(tracking: Tracking) -> Router:
    """Return the routes below ``/api/incidents`` and ``/api/checks``."""
    return Router(
        "/",
        route_handlers=[Incidents, IncidentUpdates],
        dependencies={"tracking": Provide(lambda: tracking, sync_to_thread=False)},
    )
