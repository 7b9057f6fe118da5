"""Incidents as the engine's clients know them: finding and resolving."""

from litestar import Controller

from api.answers import Answer, empty_answer
from api.engine.bodies import Results
from api.engine.operations import About, Call, page_of, patch, post, worker
from api.identity import READ, WORK
from commands.incidents import ResolveIncident
from projections.criteria import IncidentCriteria
from projections.incidents.projector import READ_MODEL as INCIDENTS
from projections.incidents.queries import find_incidents
from projections.views import Incident


class Incidents(Controller):
    """``/incidents``."""

    path = "/incidents"
    tags = ("incidents",)

    @post(
        "/query",
        operation_id="queryIncidents",
        opt={"access": READ},
        about=About("Find incidents of jobs and tasks", IncidentCriteria, Results[Incident], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(IncidentCriteria)
        position = await request.caught_up(INCIDENTS)
        return page_of(await find_incidents(request.engine.database, request.caller.tenant, criteria, page), position)

    @patch(
        "/{partition:str}/{id:str}/resolve",
        operation_id="resolveIncident",
        opt={"access": WORK},
        about=About(
            "Have the failed job or task tried again", ResolveIncident, status=204, refuses=(404, 409), once=True
        ),
    )
    async def resolve(self, request: Call) -> Answer:
        target, command = request.entity, await request.body(ResolveIncident)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)
