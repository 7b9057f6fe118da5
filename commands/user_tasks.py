"""Working on user tasks (contracts/engine.md 2.14)."""

from commands.intents import ElementVariable, Intent, ProcessVariable, Tag
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
