"""Starting, suspending and resuming process instances."""

from commands.intents import Intent, ProcessVariable, Tag


class StartProcessInstance(Intent, frozen=True):
    """Start an instance of a deployed version (operation ``createProcessInstance``)."""

    bpmn_process_id: str = ""
    version: str = ""
    worker_id: str = ""
    correlation_key: str = ""
    tags: tuple[Tag, ...] = ()
    variables: tuple[ProcessVariable, ...] = ()
