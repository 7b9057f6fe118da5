"""Work for people: finding it, and changing, completing or failing it."""

from litestar import Controller

from api.answers import Answer, json_answer
from api.engine.bodies import Results
from api.engine.operations import About, Call, page_of, patch, post, worker
from api.engine.rows import user_task_row
from api.identity import READ, WORK
from commands.user_tasks import UpdateUserTask
from projections.criteria import UserTaskCriteria
from projections.user_tasks.projector import READ_MODEL as USER_TASKS
from projections.user_tasks.queries import find_user_tasks
from projections.views import UserTask


class UserTasks(Controller):
    """``/user-tasks``."""

    path = "/user-tasks"
    tags = ("user tasks",)

    @patch(
        "/{partition:str}/{id:str}",
        operation_id="updateUserTask",
        opt={"access": WORK},
        about=About(
            "Change, complete or fail a user task",
            UpdateUserTask,
            UserTask,
            refuses=(404, 409, 422),
            once=True,
        ),
    )
    async def update(self, request: Call) -> Answer:
        target, command = request.entity, await request.body(UpdateUserTask)
        outcome = await request.send(command, worker(command.worker_id), target)
        return json_answer(200, user_task_row(outcome.answer), outcome.position)

    @post(
        "/query",
        operation_id="queryUserTasks",
        opt={"access": READ},
        about=About("Find user tasks", UserTaskCriteria, Results[UserTask], parameters="page"),
    )
    async def query(self, request: Call) -> Answer:
        page, criteria = request.query.page(), await request.body(UserTaskCriteria)
        position = await request.caught_up(USER_TASKS)
        return page_of(await find_user_tasks(request.engine.database, request.caller.tenant, criteria, page), position)
