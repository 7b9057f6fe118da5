"""Executing and unlocking the engine's own tasks."""

from datetime import date

from commands.intents import Intent
from domain.bpmn.events import TaskType
from domain.identity import Int32


class ExecuteTasks(Intent, frozen=True):
    """Run up to ``limit`` due tasks that match every given condition (operation ``executeTasks``)."""

    limit: Int32 = 0
    partition: date | None = None
    id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    type: TaskType | None = None


class UnlockTasks(Intent, frozen=True):
    """Give back the tasks that an engine holds (operation ``unlockTasks``)."""

    engine_id: str = ""
    partition: date | None = None
    id: Int32 = 0
