"""Where the feed begins: its controllers around the incident domain."""

from litestar import Router
from litestar.di import Provide

from api.feed.controllers import FeedAnalytics, FeedIncidents
from api.incidents.ports import Tracking


def feed_routes(tracking: Tracking) -> Router:
    """Return the routes of the feed."""
    return Router(
        "/",
        route_handlers=[FeedIncidents, FeedAnalytics],
        dependencies={"tracking": Provide(lambda: tracking, sync_to_thread=False)},
    )
