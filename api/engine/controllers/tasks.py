"""The engine's own tasks: having them executed, giving them back, finding them."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import ExecutedTasks, Results, Unlocked
from api.engine.executing import execute
from api.engine.operations import About, Call, page_of, post
from api.identity import READ, WORK
from commands.tasks import ExecuteTasks, UnlockTasks, unlock_tasks
from projections.criteria import TaskCriteria
from projections.tasks.projector import READ_MODEL as TASKS
from projections.tasks.queries import find_tasks
from projections.views import Task


class Tasks(Controller):
    """``/tasks``."""

    path = "/tasks"
    tags = ("tasks",)

    @post(
        "/execute",
        operation_id="executeTasks",
        opt={"access": WORK},
        about=About("Execute due tasks now", ExecuteTasks, ExecutedTasks),
    )
    async def execute(self, request: Call) -> Answer:
        command = await request.body(ExecuteTasks)
        return json_answer(200, await execute(request.engine, command, request.asker_for_engine()))

    @post(
        "/unlock",
        operation_id="unlockTasks",
        opt={"access": WORK},
        about=About("Give back tasks that an engine holds", UnlockTasks, Unlocked),
    )
    async def unlock(self, request: Call) -> Answer:
        command = await request.body(UnlockTasks)
        outcome = await unlock_tasks(request.engine.commands, command, request.asker_for_engine())
        return json_answer(200, Unlocked(len(outcome.answer)), outcome.position)

    @post(
        "/query",
        operation_id="queryTasks",
        opt={"access": READ},
        about=About("Find tasks", TaskCriteria, Results[Task], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(TaskCriteria)
        position = await request.caught_up(TASKS)
        rows = await find_tasks(request.engine.database, request.caller.tenant, criteria, page, request.now)
        return page_of(rows, position)
