"""Working on user tasks (contracts/engine.md 2.14)."""

from datetime import datetime
from typing import NamedTuple

from commands.intents import ElementVariable, Intent, ProcessVariable, Tag
from domain.bpmn.events import InstanceState
from domain.bpmn.instance import Instance, UserTask
from domain.identity import Int32


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
    """A user task with the instance it belongs to, as an update left it: STARTED or COMPLETED."""

    instance: Instance
    user_task: UserTask
    state: InstanceState
    updated_at: datetime
    updated_by: str
