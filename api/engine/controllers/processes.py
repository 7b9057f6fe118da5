"""Deploying processes, and finding what is deployed."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import Results
from api.engine.operations import About, Call, get, page_of, post, worker
from api.engine.rows import process_row
from api.identity import READ, WORK
from commands.processes import CreateProcess
from domain.rejection import NotFound
from projections.criteria import ElementCriteria, ProcessCriteria
from projections.elements.projector import READ_MODEL as ELEMENTS
from projections.elements.queries import find_elements
from projections.processes.projector import READ_MODEL as PROCESSES
from projections.processes.queries import find_processes, find_xml
from projections.views import Element, Process

XML = "text/xml"


class Processes(Controller):
    """``/processes``."""

    path = "/processes"
    tags = ("processes",)

    @post(
        "/",
        operation_id="createProcess",
        opt={"access": WORK},
        about=About("Deploy a version of a process", CreateProcess, Process, 201, refuses=(409, 422)),
    )
    async def create(self, request: Call) -> Answer:
        command = await request.body(CreateProcess)
        outcome = await request.engine.commands.send(command, request.asker(worker(command.worker_id)))
        return json_answer(201, process_row(outcome.answer), outcome.position)

    @get(
        "/{id:str}/bpmn-xml",
        operation_id="getBpmnXml",
        opt={"access": READ},
        about=About("Get the BPMN XML of a version, as it was deployed", answer=str, media_type=XML, refuses=(404,)),
    )
    async def bpmn_xml(self, request: Call) -> Answer:
        process_id = request.id
        position = await request.caught_up(PROCESSES)
        xml = await find_xml(request.engine.database, request.caller.tenant, process_id)
        if xml is None:
            raise NotFound("failed to get BPMN XML", f"process {process_id} could not be found")
        return Answer(200, xml.encode(), XML.encode(), position)

    @post(
        "/query",
        operation_id="queryProcesses",
        opt={"access": READ},
        about=About("Find deployed versions", ProcessCriteria, Results[Process], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(ProcessCriteria)
        position = await request.caught_up(PROCESSES)
        return page_of(await find_processes(request.engine.database, request.caller.tenant, criteria, page), position)


class Elements(Controller):
    """``/elements``."""

    path = "/elements"
    tags = ("processes",)

    @post(
        "/query",
        operation_id="queryElements",
        opt={"access": READ},
        about=About("Find elements of deployed versions", ElementCriteria, Results[Element], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(ElementCriteria)
        position = await request.caught_up(ELEMENTS)
        return page_of(await find_elements(request.engine.database, request.caller.tenant, criteria, page), position)
