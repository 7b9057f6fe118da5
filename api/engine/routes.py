"""Where the engine's API begins: all its controllers around one engine."""

from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin

from api.engine.controllers.element_instances import ElementInstances
from api.engine.controllers.incidents import Incidents
from api.engine.controllers.jobs import Jobs
from api.engine.controllers.messages import Messages
from api.engine.controllers.node import Node
from api.engine.controllers.process_instances import ProcessInstances
from api.engine.controllers.processes import Elements, Processes
from api.engine.controllers.signals import Signals
from api.engine.controllers.tasks import Tasks
from api.engine.controllers.user_tasks import UserTasks
from api.engine.controllers.variables import StoredVariables
from api.engine.documentation import documenting
from api.engine.ports import Engine

CONTROLLERS = (
    Processes,
    Elements,
    ProcessInstances,
    ElementInstances,
    Jobs,
    UserTasks,
    Messages,
    Signals,
    Tasks,
    Incidents,
    StoredVariables,
    Node,
)


class EngineApi(InitPlugin):
    """Adds the engine's API to an application, and to the document about it.

    Operations find the engine in their ``opt``. It lies with the application's, because Litestar copies whatever lies
    with a router, and an engine cannot be copied.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.route_handlers.extend(CONTROLLERS)
        app_config.opt["engine"] = self._engine
        if app_config.openapi_config is not None:
            app_config.openapi_config = documenting(CONTROLLERS, app_config.openapi_config)
        return app_config
