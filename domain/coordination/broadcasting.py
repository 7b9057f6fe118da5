"""Signals: whoever waits for one just then receives it (contracts/engine.md 2.10)."""

from collections.abc import Sequence

from domain.bpmn.events import TaskType
from domain.coordination.engine_tasks import create_start_task, create_task_for
from domain.coordination.unit_of_work import SignalReceivers, UnitOfWork
from domain.identity import signal_stream
from domain.messaging.events import SentVariable, SignalSent
from domain.messaging.receivers import SignalReceiver, StartDefinition


def send_signal(unit: UnitOfWork, signal_id: int, name: str, variables: tuple[SentVariable, ...] = ()) -> SignalSent:
    """Send a signal; each receiver gets a task that triggers it, and is subscribed no longer."""
    receivers: Sequence[SignalReceiver]
    starts: Sequence[StartDefinition]
    receivers, starts = unit.ask(SignalReceivers(name))
    subscriptions = tuple(receiver.subscription_id for receiver in receivers)
    sent = SignalSent(signal_id, name, len(receivers) + len(starts), subscriptions, variables)
    unit.record(signal_stream(signal_id), sent, new=True)
    for receiver in receivers:
        create_task_for(
            unit,
            TaskType.TRIGGER_EVENT,
            receiver.instance,
            receiver.process_id,
            element_id=receiver.element_id,
            element=receiver.element,
            element_instance_id=receiver.element_instance_id,
            signal_id=signal_id,
        )
    for start in starts:
        create_start_task(unit, start, signal_id=signal_id)
    return sent
