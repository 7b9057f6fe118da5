"""Where the log's own API begins: its controllers around the feed."""

from litestar import Router
from litestar.di import Provide

from api.log.controllers import Events, asyncapi
from api.log.following import LogFeed


def log_routes(log_feed: LogFeed) -> Router:
    """Return the routes of the event feed and of its descriptions."""
    return Router(
        "/",
        route_handlers=[Events, asyncapi],
        dependencies={"log_feed": Provide(lambda: log_feed, sync_to_thread=False)},
    )
