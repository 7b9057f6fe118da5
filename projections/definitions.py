"""What events wait for and what tasks have to know, in the form of the contract (contracts/engine.md 1.5 and 2.17)."""

from typing import NamedTuple

import msgspec

from domain.bpmn import graph
from domain.bpmn.events import TaskType
from domain.timestamps import rfc3339
from projections.views import EventDefinition, Timer


def timer_view(timer: graph.Timer) -> Timer:
    return Timer(
        time=rfc3339(timer.time) if timer.time is not None else None,
        time_cycle=timer.cycle,
        time_duration=timer.duration or None,
    )


def definition_view(definition: graph.EventDefinition, *, suspended: bool) -> EventDefinition:
    return EventDefinition(
        suspended=suspended,
        error_code=definition.error_code,
        escalation_code=definition.escalation_code,
        message_name=definition.message_name,
        signal_name=definition.signal_name,
        timer=None if definition.timer is None else timer_view(definition.timer),
    )


class TaskSubject(NamedTuple):
    """What a task of the engine is about, beside the place where it stands."""

    timer: graph.Timer | None = None
    message_id: int = 0
    signal_id: int = 0
    bpmn_process_id: str = ""


class _SerializedTask(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    message_id: int = 0
    signal_id: int = 0
    timer: Timer | None = None
    bpmn_process_id: str = ""


_NOTHING = _SerializedTask()


def serialized_task(kind: TaskType, subject: TaskSubject) -> str:
    """Return a task's ``serializedTask``: JSON with the reference's own names, or nothing where that has no members.

    Only a task that takes an instance from its queue names the process; others that start one stand for it already.
    """
    task = _SerializedTask(
        message_id=subject.message_id,
        signal_id=subject.signal_id,
        timer=None if subject.timer is None else timer_view(subject.timer),
        bpmn_process_id=subject.bpmn_process_id if kind is TaskType.DEQUEUE_PROCESS_INSTANCE else "",
    )
    return "" if task == _NOTHING else msgspec.json.encode(task).decode()
