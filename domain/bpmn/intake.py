"""What comes to a turn from outside: what a worker said, what happened to an event, and variables."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from domain.bpmn.events import Item
from domain.bpmn.graph import Timer
from domain.identity import InstanceId


class Trigger(NamedTuple):
    """What happened to an event that waited for it."""

    message_id: int = 0
    signal_id: int = 0
    timer: bool = False
    error_code: str | None = None
    escalation_code: str | None = None


class VariableChange(NamedTuple):
    """A variable to set in a scope (an element instance id, or ``PROCESS_SCOPE``); ``value`` None deletes it.

    ``plain`` is the text of an encrypted value, where it is at hand.
    """

    scope: int
    name: str
    encoding: str = ""
    value: str | None = None
    encrypted: bool = False
    sealed_for: str = ""
    plain: str | None = None


class CalledProcess(NamedTuple):
    """Which process a call activity calls; ``variables`` gives those of the instance once it has an identity."""

    bpmn_process_id: str = ""
    version: str = ""
    correlation_key: str = ""
    tags: Mapping[str, str] = {}
    variables: Callable[[InstanceId], Iterable[VariableChange]] | None = None


class Completion(NamedTuple):
    """What a worker said when it completed a job; empty where it said nothing.

    ``again_at`` is when a job that is asked for again, after an escalation that did not interrupt it, is due.
    """

    exclusive_gateway_decision: str = ""
    inclusive_gateway_decision: tuple[str, ...] = ()
    error_code: str = ""
    escalation_code: str = ""
    message_name: str = ""
    message_correlation_key: str = ""
    signal_name: str = ""
    timer: Timer | None = None
    called: CalledProcess | None = None
    loop_cardinality: int | None = None
    loop_items: tuple[Item, ...] | None = None
    again_at: datetime | None = None
