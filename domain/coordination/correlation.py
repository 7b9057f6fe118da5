"""Which message meets which receiver (contracts/engine.md 2.9).

A message looks for the oldest subscription of its name and correlation key, then for a start event of its name, else it
is kept until it expires. Who begins to wait looks for the oldest message that is kept. Both are decided on the channel
of that name and key, so a message reaches one receiver, and exactly one.
"""

from datetime import date

from domain.bpmn.events import TaskType
from domain.bpmn.execution import Turn
from domain.coordination.engine_tasks import create_start_task, create_task_for
from domain.coordination.unit_of_work import MessageStart, UnitOfWork
from domain.identity import InstanceId, channel_stream
from domain.messaging.channel import Channel, Message
from domain.messaging.events import (
    MessageClosed,
    MessageCorrelated,
    MessageSent,
    MessageSubscribed,
    MessageUnsubscribed,
)
from domain.messaging.receivers import StartDefinition


def send_message(unit: UnitOfWork, sent: MessageSent) -> Message:
    """Send a message; return it, or the one that its unique key stands for already."""
    stream = channel_stream(unit.tenant, sent.name, sent.correlation_key)
    same = _channel(unit, stream).same(sent.unique_key, unit.now)
    if same is not None:
        return same
    unit.record(stream, sent)
    channel = _channel(unit, stream)
    subscription = next(iter(channel.subscriptions.values()), None)
    if subscription is not None:
        _correlate(unit, stream, sent, subscription)
    else:
        start: StartDefinition | None = unit.ask(MessageStart(sent.name))
        if start is not None:
            _start(unit, stream, sent, start)
    return _channel(unit, stream).messages[sent.id]


def subscribe(unit: UnitOfWork, turn: Turn, element_instance_id: int, name: str, key: str) -> bool:
    """Wait for a message; False when one that was kept is consumed instead."""
    stream = channel_stream(unit.tenant, name, key)
    waiting = turn.instance.elements[element_instance_id]
    event = turn.graph.event_starts.get(waiting.element)
    element = event.bpmn_id if event is not None else waiting.element
    subscription = MessageSubscribed(
        id=unit.ids.next("message_subscription", None),
        partition=turn.instance.partition.isoformat(),
        process_instance_id=turn.instance.id,
        element_instance_id=element_instance_id,
        process_id=turn.graph.process_id,
        element_id=turn.graph.element_ids[element],
        element=element,
        name=name,
        correlation_key=key,
    )
    kept = _channel(unit, stream).buffered(unit.now)
    if kept is not None:
        _correlate(unit, stream, kept.sent, subscription, subscribed=False)
        return False
    unit.record(stream, subscription)
    return True


def unsubscribe(unit: UnitOfWork, turn: Turn, element_instance_id: int, name: str, key: str) -> None:
    """Wait no longer, unless a message has met the subscription already."""
    stream = channel_stream(unit.tenant, name, key)
    instance = turn.instance
    own = _channel(unit, stream).subscription_of(instance.partition.isoformat(), instance.id, element_instance_id)
    if own:
        unit.record(stream, MessageUnsubscribed(own))


def close_message(unit: UnitOfWork, name: str, key: str, message_id: int) -> None:
    """Let the unique key of a correlated message be free again."""
    stream = channel_stream(unit.tenant, name, key)
    if message_id in _channel(unit, stream).messages:
        unit.record(stream, MessageClosed(message_id))


def correlated_message(unit: UnitOfWork, name: str, key: str, message_id: int) -> Message | None:
    """Return a message that has met its receiver, None once it is closed."""
    return _channel(unit, channel_stream(unit.tenant, name, key)).messages.get(message_id)


def _correlate(
    unit: UnitOfWork, stream: str, sent: MessageSent, receiver: MessageSubscribed, *, subscribed: bool = True
) -> None:
    unit.record(stream, MessageCorrelated(sent.id, receiver.id if subscribed else 0))
    create_task_for(
        unit,
        TaskType.TRIGGER_EVENT,
        InstanceId(date.fromisoformat(receiver.partition), receiver.process_instance_id),
        receiver.process_id,
        element_id=receiver.element_id,
        element=receiver.element,
        element_instance_id=receiver.element_instance_id,
        message_id=sent.id,
        message_name=sent.name,
        message_key=sent.correlation_key,
    )


def _start(unit: UnitOfWork, stream: str, sent: MessageSent, start: StartDefinition) -> None:
    unit.record(stream, MessageCorrelated(sent.id))
    create_start_task(unit, start, message_id=sent.id, message_name=sent.name, message_key=sent.correlation_key)


def _channel(unit: UnitOfWork, stream: str) -> Channel:
    state: Channel | None = unit.state(stream)
    return state or Channel({}, {})
