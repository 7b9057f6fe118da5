"""The HTTP application: every dialect's routes in front of one node."""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.plugins import PluginProtocol
from litestar.types import ControllerRouterHandler

from api.admin.controllers import admin_routes
from api.alerts.routes import alerts_routes
from api.audit.routes import audit_routes
from api.composition import Node
from api.dialects import error_form
from api.engine.routes import EngineApi
from api.feed.routes import feed_routes
from api.health import Vitals, health_routes
from api.identity import PUBLIC, Identity
from api.insight.routes import insight_routes
from api.intakes.administration import intake_routes
from api.intakes.door import Door
from api.intakes.webhooks import Reception, webhook_routes
from api.limits import Limits, Rates
from api.log.following import LogFeed
from api.log.routes import log_routes
from api.log.seats import Seats
from api.paths import exact_paths
from api.problems import error_handler
from api.request_log import RequestLog
from api.uptime.routes import uptime_routes
from api.webhooks.routes import webhooks_routes
from domain.access.events import Plan
from infra.settings import Settings


def create_app(node: Node) -> Litestar:
    """Return the application of a node; one without the role ``api`` answers for its health alone."""
    identity = Identity(node.records, tokens=node.tokens)
    limits = Limits(node.buckets, _rates(node.settings), identity)
    routes: list[ControllerRouterHandler] = [
        *health_routes(Vitals(node.obstacle, node.duties.reports, node.followers.status, node.measure))
    ]
    plugins: list[PluginProtocol] = [identity]
    if "api" in node.settings.roles:
        routes += _dialects(node, identity, limits)
        plugins.append(EngineApi(node.engine))
    app = Litestar(
        route_handlers=routes,
        plugins=plugins,
        exception_handlers={Exception: error_handler(error_form)},
        openapi_config=OpenAPIConfig(
            title="Annals",
            version=version("annals"),
            use_handler_docstrings=True,
            openapi_router=Router(
                "/schema",
                route_handlers=[],
                opt={"access": PUBLIC},
                include_in_schema=False,
                after_request=_told_as_ours,
            ),
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        logging_config=None,
    )
    log = RequestLog(node.settings.log_level)
    app.asgi_handler = log.around(limits.around(exact_paths(app.asgi_handler)))
    return app


def _dialects(node: Node, identity: Identity, limits: Limits) -> list[ControllerRouterHandler]:
    """Return the routes of all APIs but the engine's, which is a plugin."""
    door = Door(node.intakes.records, identity.caller_of)
    return [
        admin_routes(node.administration, identity),
        *insight_routes(node.reading, node.pools.queries, node.answers),
        feed_routes(node.tracking),
        uptime_routes(node.tracking),
        alerts_routes(node.tracking),
        audit_routes(node.pools.queries),
        log_routes(LogFeed(node.feed, Seats(), identity.caller_of)),
        webhooks_routes(node.tracking, node.registration),
        intake_routes(node.intakes, door),
        webhook_routes(Reception(node.tracking, door, limits.take_for_intake)),
    ]


def _rates(settings: Settings) -> Rates:
    plans: dict[Plan, int] = {
        "free": settings.free_limit,
        "pro": settings.pro_limit,
        "enterprise": settings.enterprise_limit,
    }
    return Rates(plans, settings.engine_limit, settings.intake_limit)


def _told_as_ours(response: Response[Any]) -> Response[Any]:
    """Tell unknown paths below ``/schema`` like all others: Litestar has a page for them."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response
