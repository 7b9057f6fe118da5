"""Starting, halting and finding process instances, and their variables."""

from litestar import Controller

from api.answers import Answer, empty_answer, json_answer
from api.engine.batches import batch_answer
from api.engine.bodies import CreatedInstance, InstanceHistory, ProcessVariables, Results
from api.engine.history import history_of
from api.engine.operations import About, Call, get, page_of, patch, post, put, worker
from api.engine.rows import process_instance_row
from api.engine.variables import process_variables
from api.identity import HISTORY, READ, WORK
from commands.batches import StartProcessInstances, start_instances
from commands.instances import (
    CancelProcessInstance,
    ResumeProcessInstance,
    StartProcessInstance,
    SuspendProcessInstance,
)
from commands.variables import SetProcessVariables
from domain.bpmn.instance import Instance
from domain.identity import InstanceId
from projections.criteria import ProcessInstanceCriteria
from projections.process_instances.projector import READ_MODEL as PROCESS_INSTANCES
from projections.process_instances.queries import find_process_instances
from projections.variables.projector import READ_MODEL as VARIABLES
from projections.views import ProcessInstance


class ProcessInstances(Controller):
    """``/process-instances``."""

    path = "/process-instances"
    tags = ("process instances",)

    @post(
        "/",
        operation_id="createProcessInstance",
        opt={"access": WORK},
        about=About(
            "Start a process instance", StartProcessInstance, ProcessInstance, 201, refuses=(404, 422), once=True
        ),
    )
    async def create(self, request: Call) -> Answer:
        command = await request.body(StartProcessInstance)
        outcome = await request.send(command, worker(command.worker_id))
        return json_answer(201, process_instance_row(outcome.answer), outcome.position)

    @post(
        "/batch",
        operation_id="createProcessInstances",
        opt={"access": WORK},
        about=About(
            "Start many process instances",
            StartProcessInstances,
            Results[CreatedInstance],
            once=True,
        ),
    )
    async def create_many(self, request: Call) -> Answer:
        command = await request.body(StartProcessInstances)
        batch = await start_instances(
            request.engine.commands, command, request.asker_once(request.caller.actor, command)
        )
        return batch_answer(batch, _created, lambda problem: CreatedInstance(problem=problem))

    @post(
        "/query",
        operation_id="queryProcessInstances",
        opt={"access": READ},
        about=About("Find process instances", ProcessInstanceCriteria, Results[ProcessInstance], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(ProcessInstanceCriteria)
        position = await request.caught_up(PROCESS_INSTANCES)
        rows = await find_process_instances(request.engine.database, request.caller.tenant, criteria, page)
        return page_of(rows, position)

    @patch(
        "/{partition:str}/{id:str}/suspend",
        operation_id="suspendProcessInstance",
        opt={"access": WORK},
        about=About("Halt a process instance", SuspendProcessInstance, status=204, refuses=(404, 409), once=True),
    )
    async def suspend(self, request: Call) -> Answer:
        target, command = InstanceId(*request.entity), await request.body(SuspendProcessInstance)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)

    @patch(
        "/{partition:str}/{id:str}/resume",
        operation_id="resumeProcessInstance",
        opt={"access": WORK},
        about=About(
            "Let a halted process instance go on", ResumeProcessInstance, status=204, refuses=(404, 409, 422), once=True
        ),
    )
    async def resume(self, request: Call) -> Answer:
        target, command = InstanceId(*request.entity), await request.body(ResumeProcessInstance)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)

    @patch(
        "/{partition:str}/{id:str}/cancel",
        operation_id="cancelProcessInstance",
        opt={"access": WORK},
        about=About(
            "End a process instance, what it called, and all that is open in it",
            CancelProcessInstance,
            status=204,
            refuses=(404, 409),
            once=True,
        ),
    )
    async def cancel(self, request: Call) -> Answer:
        target, command = InstanceId(*request.entity), await request.body(CancelProcessInstance)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)

    @get(
        "/{partition:str}/{id:str}/variables",
        operation_id="getProcessVariables",
        opt={"access": READ},
        about=About(
            "Get the variables of a process instance",
            answer=ProcessVariables,
            parameters="names",
            refuses=(404,),
        ),
    )
    async def variables(self, request: Call) -> Answer:
        instance, names = InstanceId(*request.entity), request.query.names()
        position = await request.caught_up(PROCESS_INSTANCES, VARIABLES)
        found = await process_variables(request.engine, request.caller.tenant, instance, names)
        return json_answer(200, ProcessVariables(len(found), found), position)

    @get(
        "/{partition:str}/{id:str}/history",
        operation_id="getProcessInstanceHistory",
        opt={"access": HISTORY},
        about=About(
            "Get everything that happened in a process instance",
            answer=InstanceHistory,
            parameters="stretch",
            refuses=(404,),
        ),
    )
    async def history(self, request: Call) -> Answer:
        instance, asked = InstanceId(*request.entity), request.query.stretch()
        position = await request.caught_up()
        return json_answer(200, await history_of(request.engine, request.caller.tenant, instance, asked), position)

    @put(
        "/{partition:str}/{id:str}/variables",
        operation_id="setProcessVariables",
        opt={"access": WORK},
        about=About(
            "Set or delete variables of a process instance",
            SetProcessVariables,
            status=204,
            refuses=(404, 409),
            once=True,
        ),
    )
    async def set_variables(self, request: Call) -> Answer:
        target, command = InstanceId(*request.entity), await request.body(SetProcessVariables)
        return empty_answer((await request.send(command, worker(command.worker_id), target)).position)


def _created(instance: Instance) -> CreatedInstance:
    return CreatedInstance(process_instance=process_instance_row(instance))
