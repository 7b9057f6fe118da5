"""Deploying processes."""

from commands.intents import Intent, Tag, Timer
from domain.identity import Int32


class ErrorDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    error_code: str = ""


class EscalationDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    escalation_code: str = ""


class MessageDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    message_name: str = ""


class SignalDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    signal_name: str = ""


class TimerDefinition(Intent, frozen=True):
    bpmn_element_id: str = ""
    timer: Timer | None = None


class CreateProcess(Intent, frozen=True):
    """Deploy a version of a process (operation ``createProcess``)."""

    bpmn_process_id: str = ""
    bpmn_xml: str = ""
    version: str = ""
    worker_id: str = ""
    parallelism: Int32 = 0
    tags: tuple[Tag, ...] = ()
    errors: tuple[ErrorDefinition, ...] = ()
    escalations: tuple[EscalationDefinition, ...] = ()
    messages: tuple[MessageDefinition, ...] = ()
    signals: tuple[SignalDefinition, ...] = ()
    timers: tuple[TimerDefinition, ...] = ()
