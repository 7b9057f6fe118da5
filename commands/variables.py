"""Setting and deleting variables."""

from commands.intents import ElementVariable, Intent, ProcessVariable


class SetProcessVariables(Intent, frozen=True):
    """Set or delete variables of a process instance (operation ``setProcessVariables``)."""

    worker_id: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class SetElementVariables(Intent, frozen=True):
    """Set or delete variables of an element instance or its scopes (operation ``setElementVariables``)."""

    worker_id: str = ""
    variables: tuple[ElementVariable, ...] = ()
