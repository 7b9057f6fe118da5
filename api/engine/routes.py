"""Where the engine's API begins: all its controllers around one engine."""

from litestar import Router

from api.engine.controllers.element_instances import ElementInstances
from api.engine.controllers.incidents import Incidents
from api.engine.controllers.jobs import Jobs
from api.engine.controllers.node import Node
from api.engine.controllers.process_instances import ProcessInstances
from api.engine.controllers.processes import Elements, Processes
from api.engine.controllers.tasks import Tasks
from api.engine.controllers.variables import StoredVariables
from api.engine.ports import Engine

CONTROLLERS = (Processes, Elements, ProcessInstances, ElementInstances, Jobs, Tasks, Incidents, StoredVariables, Node)


def engine_routes(engine: Engine) -> Router:
    """Return the routes of the engine's API; each reaches the engine through its ``opt``."""
    return Router("/", route_handlers=CONTROLLERS, opt={"engine": engine})
