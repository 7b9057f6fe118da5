"""Where the log's own API begins: its controllers around the feed."""

from litestar import Router
from litestar.di import Provide

from api.log.controllers import Events, asyncapi
from api.log.following import Followings


def log_routes(followings: Followings) -> Router:
    """Return the routes of the event feed and of its descriptions."""
    return Router(
        "/",
        route_handlers=[Events, asyncapi],
        dependencies={"followings": Provide(lambda: followings, sync_to_thread=False)},
    )
