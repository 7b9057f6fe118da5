"""Who may receive a message or a signal, besides the subscriptions of a channel."""

from typing import NamedTuple

from domain.identity import InstanceId


class StartDefinition(NamedTuple):
    """A start event of the latest version of a process that a message or signal of its name starts."""

    process_id: int
    bpmn_process_id: str
    version: str
    element_id: int
    element: str


class SignalReceiver(NamedTuple):
    """An event of a process instance that waits for a signal."""

    subscription_id: int
    instance: InstanceId
    process_id: int
    element_id: int
    element: str
    element_instance_id: int
