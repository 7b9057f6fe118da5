"""Where the APIs about incidents begin: controllers around the incident domain."""

from litestar import Controller, Router
from litestar.di import Provide

from api.incidents.ports import Tracking


def routes_around(tracking: Tracking, *controllers: type[Controller]) -> Router:
    """Return the routes of an API."""
    dependencies = {"tracking": Provide(lambda: tracking, sync_to_thread=False)}
    return Router("/", route_handlers=controllers, dependencies=dependencies)
