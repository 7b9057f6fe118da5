"""Events that are waited for: messages, signals, timers, errors and escalations (contracts/engine.md 2.4, 2.9-2.12).

What an event waits for is known from the deployment, or a job asks a worker for it. A message needs a correlation key
of its instance, so that one is always asked for. An event that is attached to an activity, a scope or a gateway keeps
that from beginning until it is known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.bpmn.events import (
    ElementStarted,
    EventDefined,
    EventTriggered,
    InstanceState,
    JobType,
    SignalSubscribed,
    TaskCanceled,
    TaskType,
)
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import LONGEST_NAME, Element, ElementType, EventDefinition, Timer
from domain.bpmn.instance import ElementInstance, Job, Task
from domain.bpmn.intake import Completion, Trigger
from domain.bpmn.timers import TimerError, comes_again, due_at

#: What a job asks a worker for, by the type of an event whose definition is not known.
ASKED: Mapping[ElementType, JobType] = {
    ElementType.MESSAGE_CATCH_EVENT: JobType.SUBSCRIBE_MESSAGE,
    ElementType.MESSAGE_BOUNDARY_EVENT: JobType.SUBSCRIBE_MESSAGE,
    ElementType.MESSAGE_START_EVENT: JobType.SUBSCRIBE_MESSAGE,
    ElementType.RECEIVE_TASK: JobType.SUBSCRIBE_MESSAGE,
    ElementType.SIGNAL_CATCH_EVENT: JobType.SUBSCRIBE_SIGNAL,
    ElementType.SIGNAL_BOUNDARY_EVENT: JobType.SUBSCRIBE_SIGNAL,
    ElementType.SIGNAL_START_EVENT: JobType.SUBSCRIBE_SIGNAL,
    ElementType.TIMER_CATCH_EVENT: JobType.SET_TIMER,
    ElementType.TIMER_BOUNDARY_EVENT: JobType.SET_TIMER,
    ElementType.TIMER_START_EVENT: JobType.SET_TIMER,
    ElementType.ERROR_BOUNDARY_EVENT: JobType.SET_ERROR_CODE,
    ElementType.ERROR_START_EVENT: JobType.SET_ERROR_CODE,
    ElementType.ESCALATION_BOUNDARY_EVENT: JobType.SET_ESCALATION_CODE,
    ElementType.ESCALATION_START_EVENT: JobType.SET_ESCALATION_CODE,
}

#: What a completion lacks, by the type of its job.
_MISSING: Mapping[JobType, str] = {
    JobType.SET_TIMER: "a timer",
    JobType.SUBSCRIBE_SIGNAL: "a signal name",
    JobType.SET_SIGNAL_NAME: "a signal name",
    JobType.SUBSCRIBE_MESSAGE: "a message name and correlation key",
    JobType.SET_MESSAGE_CORRELATION_KEY: "a message correlation key",
}


class Defined(NamedTuple):
    """What an event waits for; the correlation key is that of a message."""

    definition: EventDefinition
    correlation_key: str = ""


def is_known(event: Element) -> bool:
    """Tell whether an event need not be asked for: what it waits for is known, and is no message."""
    return event.definition is not None and not event.definition.message_name


def expect(turn: Turn, element_instance_id: int, event: Element) -> None:
    """Have an element instance wait for an event, or ask a worker what that is."""
    if event.definition is not None and is_known(event):
        wait_for(turn, element_instance_id, event, Defined(event.definition))
    elif event.definition is not None:
        turn.create_job(element_instance_id, JobType.SET_MESSAGE_CORRELATION_KEY, event)
    else:
        turn.create_job(element_instance_id, ASKED[event.type], event)


def wait_for(turn: Turn, element_instance_id: int, event: Element, defined: Defined) -> bool:
    """Wait for what is known now; False when it is there already: a message that waited for this.

    Raises ``ExecutionError`` for a timer that is never due.
    """
    definition, key = defined
    turn.record(EventDefined(element_instance_id, definition, key))
    if definition.message_name:
        return turn.around.subscribe(turn, element_instance_id, definition.message_name, key)
    if definition.signal_name:
        _subscribe_signal(turn, element_instance_id, event, definition.signal_name)
    elif definition.timer is not None:
        due = _due_at(definition.timer, event, turn.now)
        turn.create_task(element_instance_id, TaskType.TRIGGER_EVENT, event, due, timer=definition.timer)
    return True


def _due_at(timer: Timer, event: Element, now: datetime) -> datetime:
    try:
        due = due_at(timer, now)
    except TimerError as error:
        raise ExecutionError(f"failed to evaluate timer: {error}") from error
    if timer.time is None and due <= now and not event.interrupting:  # it would come again and again, without end
        raise ExecutionError("failed to evaluate timer: it would be due again at once")
    return due


def wait_again(turn: Turn, element_instance_id: int, event: Element, before: ElementInstance) -> None:
    """Have a new element instance wait for what another one of the same event waited for."""
    if before.definition is not None:
        wait_for(turn, element_instance_id, event, Defined(before.definition, before.correlation_key))
    _follow(turn, element_instance_id, event, before.id)


def _follow(turn: Turn, element_instance_id: int, event: Element, before_id: int) -> None:
    """Have escalations that a called process threw meanwhile happen to the new one: each of them counts."""
    waiting = [task for task in turn.instance.tasks.values() if task.element_instance_id == before_id]
    for task in waiting:
        if task.escalation_code is not None:
            turn.record(TaskCanceled(task.id))
            turn.create_task(element_instance_id, task.type, event, escalation_code=task.escalation_code)


def happens_again(turn: Turn, before: ElementInstance) -> bool:
    """Tell whether an event that does not interrupt can happen once more: its time may have come for the last time."""
    timer = before.definition.timer if before.definition is not None else None
    return timer is None or comes_again(timer, turn.now)


def take_definition(turn: Turn, job: Job, completion: Completion) -> None:
    """Take from a worker what an event waits for (contracts/engine.md 2.5)."""
    event = turn.graph.elements[job.element]
    waiting = turn.instance.elements[job.element_instance_id]
    waits = wait_for(turn, waiting.id, event, defined_by(job.type, completion, event))
    if not waiting.attached_to:
        if waiting.state is InstanceState.CREATED:
            turn.record(ElementStarted(waiting.id, turn.graph.process_id, waiting.element))
    elif waits or not event.interrupting:
        host = turn.instance.elements[waiting.attached_to]
        if host.state is InstanceState.CREATED:
            turn.proceed(host.id)


def defined_by(job_type: JobType, completion: Completion, event: Element) -> Defined:
    """Return what a completion defines; raise ``ExecutionError`` when it lacks what the job's type asks for.

    What is longer than anything that can be sent or thrown would never be met, and is an error too.
    """
    defined = _defined_by(job_type, completion, event)
    for text in (*msgspec.structs.astuple(defined.definition), defined.correlation_key):
        if isinstance(text, str) and len(text) > LONGEST_NAME:
            raise ExecutionError(f"{text[:20]}... exceeds a maximum of {LONGEST_NAME} characters")
    return defined


def _defined_by(job_type: JobType, completion: Completion, event: Element) -> Defined:
    key = completion.message_correlation_key
    match job_type:
        case JobType.SET_ERROR_CODE:
            return Defined(EventDefinition(error_code=completion.error_code))
        case JobType.SET_ESCALATION_CODE:
            return Defined(EventDefinition(escalation_code=completion.escalation_code))
        case JobType.SET_TIMER if completion.timer is not None:
            return Defined(EventDefinition(timer=completion.timer))
        case JobType.SUBSCRIBE_SIGNAL | JobType.SET_SIGNAL_NAME if completion.signal_name:
            return Defined(EventDefinition(signal_name=completion.signal_name))
        case JobType.SUBSCRIBE_MESSAGE if completion.message_name and key:
            return Defined(EventDefinition(message_name=completion.message_name), key)
        case JobType.SET_MESSAGE_CORRELATION_KEY if event.definition is not None and key:
            return Defined(event.definition, key)
    raise ExecutionError(f"expected {_MISSING[job_type]}")


def trigger(turn: Turn, element_instance_id: int, cause: Trigger) -> None:
    """Let an event happen that an element instance waits for."""
    waiting = turn.instance.elements[element_instance_id]
    element = turn.graph.elements[waiting.element]
    event = turn.graph.event_starts.get(element.bpmn_id, element)
    turn.record(
        EventTriggered(
            id=element_instance_id,
            process_id=turn.graph.process_id,
            element_id=turn.graph.element_ids[event.bpmn_id],
            element=event.bpmn_id,
            message_id=cause.message_id,
            signal_id=cause.signal_id,
            timer=cause.timer,
            error_code=cause.error_code,
            escalation_code=cause.escalation_code,
        )
    )
    happen = turn.behaviour(element.bpmn_id).trigger
    if happen is None:
        raise ExecutionError(f"element {element.bpmn_id} waits for no event")
    happen(turn, waiting, element)


def run_timer(turn: Turn, task: Task) -> None:
    """Let an event happen that a task triggers: its time has come, or a called process threw to it."""
    timer = task.error_code is None and task.escalation_code is None
    trigger(turn, task.element_instance_id, Trigger(0, 0, timer, task.error_code, task.escalation_code))


def enter_catch_event(turn: Turn, token: Token) -> None:
    """Wait, or ask first what for: until that is known the event is created and not started."""
    state = InstanceState.STARTED if is_known(token.element) else InstanceState.CREATED
    expect(turn, turn.keep(token, state), token.element)


def happen(turn: Turn, waiting: ElementInstance, _element: Element) -> None:
    """Go on from a catch event; behind an event-based gateway the other branches are over (BPMN 2.0, 13.4.4)."""
    gateway_id = waiting.attached_to
    if gateway_id:
        turn.record(ElementStarted(waiting.id, turn.graph.process_id, waiting.element))
        turn.terminate_inside(gateway_id, but=waiting.id)
        turn.end(gateway_id)
    turn.complete(waiting.id)


def _subscribe_signal(turn: Turn, element_instance_id: int, event: Element, name: str) -> None:
    turn.record(
        SignalSubscribed(
            id=turn.ids.next("signal_subscription", None),
            process_id=turn.graph.process_id,
            element_id=turn.graph.element_ids[event.bpmn_id],
            element=event.bpmn_id,
            element_instance_id=element_instance_id,
            name=name,
        )
    )


#: A token waits at it.
CATCH = Behaviour(enter_catch_event, take_definition, run_timer, trigger=happen)
#: It begins an instance, or an event sub-process: that one waits for it.
START = Behaviour(Turn.pass_through, take_definition, run_timer)
