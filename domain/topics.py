"""The table of every fact that may stand in the log, by its topic, and the upcasters from topics of the past."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from domain.access.events import AccessEvent, EngineEvent
from domain.alerting.events import RuleEvent, SamplesEvent
from domain.bpmn.events import InstanceEvent
from domain.event import Event
from domain.event_types import WantedTypes, wanted_types
from domain.incidents.events import IncidentEvent
from domain.intakes.events import AlertEvent, IntakeEvent, IntakesEvent
from domain.messaging.events import ChannelEvent, SignalEvent
from domain.monitoring.events import CheckEvent
from domain.processes.events import ProcessEvent, QueueEvent
from domain.registers.events import RegisterEvent
from domain.webhooks.events import WebhookEvent

FACTS: tuple[type[Event], ...] = (
    *get_args(InstanceEvent),
    *get_args(IncidentEvent),
    *get_args(CheckEvent),
    *get_args(RuleEvent),
    SamplesEvent,
    *get_args(ChannelEvent),
    SignalEvent,
    ProcessEvent,
    *get_args(QueueEvent),
    *get_args(AccessEvent),
    *get_args(IntakeEvent),
    *get_args(IntakesEvent),
    AlertEvent,
    *get_args(RegisterEvent),
    *get_args(WebhookEvent),
    EngineEvent,
)

TOPICS: Mapping[str, type[Event]] = {fact.topic: fact for fact in FACTS}

#: An old topic leads to its successor and to the pure function that turns its fields into the successor's.
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: Mapping[str, tuple[str, Upcaster]] = {}


def are_any(types: WantedTypes) -> bool:
    """Tell whether any type that there is, or was, is among these."""
    return any(types.admits(topic) for topic in (*TOPICS, *UPCASTERS))


def is_type(wish: str) -> bool:
    """Tell whether there is such a type, or (``incident.*``) any that begins so."""
    return are_any(wanted_types([wish]))
