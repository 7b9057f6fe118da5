"""Working on user tasks (contracts/engine.md 2.14)."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.intents import ElementVariable, EntityId, Intent, ProcessVariable, Tag
from commands.turns import begun, decided, element_changes, process_changes, tags_by_name
from domain.bpmn import engine
from domain.bpmn.engine import UserTaskUpdate
from domain.bpmn.events import InstanceState, UserTaskCompleted, UserTaskTerminated, UserTaskUpdated
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.instance import Instance, UserTask
from domain.identity import Int32
from domain.rejection import ExecutionFailed, InvalidInput, InvalidState, NotFound


class UpdateUserTask(Intent, frozen=True):
    """Change, complete or fail a user task in its current revision (operation ``updateUserTask``)."""

    revision: Int32 = 0
    worker_id: str = ""
    completed: bool = False
    error_code: str = ""
    escalation_code: str = ""
    element_variables: tuple[ElementVariable, ...] = ()
    process_variables: tuple[ProcessVariable, ...] = ()
    tags: tuple[Tag, ...] = ()


class UserTaskAnswer(NamedTuple):
    """A user task with the instance it belongs to, as an update left it: STARTED, COMPLETED or TERMINATED."""

    instance: Instance
    user_task: UserTask
    state: InstanceState
    updated_at: datetime
    updated_by: str


TITLE = "failed to update user task"


class HeldUserTask(NamedTuple):
    """What updating a user task is decided on."""

    held: Held
    user_task: UserTask


async def gather_update(_command: UpdateUserTask, target: EntityId, context: Context, desk: Desk) -> HeldUserTask:
    """Hold the user task's instance."""
    identity = await desk.lookups.user_task(context.tenant, target)
    instance = await desk.instance(identity, context.tenant) if identity is not None else None
    user_task = instance.user_tasks.get(target.id) if instance is not None else None
    if instance is not None and user_task is not None:
        return HeldUserTask(await desk.held(instance), user_task)
    ended = await desk.lookups.ended_user_task(context.tenant, target)
    if ended is not None:
        raise InvalidState(TITLE, f"user task {target} is not in state STARTED, but {ended}")
    raise NotFound(TITLE, f"user task {target} could not be found")


def decide_update(command: UpdateUserTask, target: EntityId, gathered: HeldUserTask, context: Context) -> Decision:
    """Change, complete or fail the user task in its current revision; a ``UserTaskAnswer``."""
    held, user_task = gathered
    if command.revision != user_task.revision:
        detail = f"user task {target} is not in revision {command.revision}, but {user_task.revision}"
        raise InvalidState(TITLE, detail)
    if sum(map(bool, (command.completed, command.error_code, command.escalation_code))) > 1:
        raise InvalidInput(TITLE, "expected to either complete user task, throw error or escalate user task")
    unit, turn = begun(held, context)
    _set_variables(turn, user_task, command, context)
    update = UserTaskUpdate(command.completed, command.error_code, command.escalation_code, tags_by_name(command.tags))
    try:
        engine.update_user_task(turn, user_task, update)
    except ExecutionError as error:
        raise ExecutionFailed(_title(command), str(error)) from error
    return decided(unit, _answer(turn, user_task, context))


def _title(command: UpdateUserTask) -> str:
    """Return what was tried, as far as the process has to follow."""
    if command.error_code:
        return "failed to throw BPMN error"
    return "failed to escalate user task" if command.escalation_code else TITLE


def _set_variables(turn: Turn, user_task: UserTask, command: UpdateUserTask, context: Context) -> None:
    engine.change_variables(turn, process_changes(command.process_variables, turn.instance.identity, context))
    engine.change_variables(
        turn, element_changes(command.element_variables, turn.instance, user_task.element_instance_id, context)
    )


def _answer(turn: Turn, before: UserTask, context: Context) -> UserTaskAnswer:
    """Return the user task as its facts of this turn left it."""
    user_task, state = before, InstanceState.STARTED
    for event in turn.events:
        match event:
            case UserTaskUpdated(id=before.id) | UserTaskCompleted(id=before.id):
                user_task = msgspec.structs.replace(before, revision=event.revision, tags=event.tags)
                state = InstanceState.COMPLETED if isinstance(event, UserTaskCompleted) else state
            case UserTaskTerminated(id=before.id):
                state = InstanceState.TERMINATED
    return UserTaskAnswer(turn.instance.outline(), user_task, state, context.now, context.actor.id)
