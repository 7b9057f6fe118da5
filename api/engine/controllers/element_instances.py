"""Finding element instances, and their variables."""

from litestar import Controller

from api.answers import Answer, empty_answer, json_answer
from api.engine.bodies import ElementVariables, Results
from api.engine.operations import About, Call, get, page_of, post, put, worker
from api.engine.variables import element_variables
from api.identity import READ, WORK
from commands.variables import SetElementVariables
from projections.criteria import ElementInstanceCriteria
from projections.element_instances.projector import READ_MODEL as ELEMENT_INSTANCES
from projections.element_instances.queries import find_element_instances
from projections.variables.projector import READ_MODEL as VARIABLES
from projections.views import ElementInstance


class ElementInstances(Controller):
    """``/element-instances``."""

    path = "/element-instances"
    tags = ("element instances",)

    @post(
        "/query",
        operation_id="queryElementInstances",
        opt={"access": READ},
        about=About("Find element instances", ElementInstanceCriteria, Results[ElementInstance], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(ElementInstanceCriteria)
        position = await request.caught_up(ELEMENT_INSTANCES)
        rows = await find_element_instances(request.engine.database, request.caller.tenant, criteria, page)
        return page_of(rows, position)

    @get(
        "/{partition:str}/{id:str}/variables",
        operation_id="getElementVariables",
        opt={"access": READ},
        about=About(
            "Get the variables of an element instance and of the scopes around it",
            answer=ElementVariables,
            parameters="names and parents",
            refuses=(404,),
        ),
    )
    async def variables(self, request: Call) -> Answer:
        target, query = request.entity, request.query
        position = await request.caught_up(ELEMENT_INSTANCES, VARIABLES)
        alone = query.flag("excludeParentVariables")
        found = await element_variables(request.engine, request.caller.tenant, target, query.names(), alone=alone)
        return json_answer(200, ElementVariables(len(found), found), position)

    @put(
        "/{partition:str}/{id:str}/variables",
        operation_id="setElementVariables",
        opt={"access": WORK},
        about=About(
            "Set or delete variables of an element instance or of the scopes around it",
            SetElementVariables,
            status=204,
            refuses=(404, 409),
            once=True,
        ),
    )
    async def set_variables(self, request: Call) -> Answer:
        target, command = request.entity, await request.body(SetElementVariables)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)
