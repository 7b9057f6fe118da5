"""Where the feed begins: its controllers around the incident domain."""

from litestar import Router

from api.feed.controllers import FeedAnalytics, FeedIncidents
from api.incidents.ports import Tracking
from api.incidents.routes import routes_around


def feed_routes(tracking: Tracking) -> Router:
    """Return the routes of the feed."""
    return routes_around(tracking, FeedIncidents, FeedAnalytics)
