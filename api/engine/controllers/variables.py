"""Finding variables, without their values."""

from litestar import Controller

from api.answers import Answer
from api.engine.bodies import Results
from api.engine.operations import About, Call, page_of, post
from api.identity import READ
from projections.criteria import VariableCriteria
from projections.variables.projector import READ_MODEL as VARIABLES
from projections.variables.queries import find_variables
from projections.views import Variable


class StoredVariables(Controller):
    """``/variables``."""

    path = "/variables"
    tags = ("variables",)

    @post(
        "/query",
        operation_id="queryVariables",
        opt={"access": READ},
        about=About("Find variables", VariableCriteria, Results[Variable], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(VariableCriteria)
        position = await request.caught_up(VARIABLES)
        return page_of(await find_variables(request.engine.database, request.caller.tenant, criteria, page), position)
