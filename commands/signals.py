"""Sending signals (contracts/engine.md 2.10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk
from commands.intents import Intent, ProcessVariable
from commands.turns import decided, sent_variables, unit_of
from domain.coordination.broadcasting import send_signal
from domain.coordination.unit_of_work import Question, SignalReceivers
from domain.identity import signal_stream


class SendSignal(Intent, frozen=True):
    """Send a signal to all that wait for it now (operation ``sendSignal``)."""

    name: str = ""
    worker_id: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class SignalAnswer(NamedTuple):
    """A signal, and how many events and start events it met."""

    id: int
    name: str
    created_at: datetime
    created_by: str
    subscriber_count: int


async def gather_send(command: SendSignal, _target: None, context: Context, desk: Desk) -> Mapping[Question, Any]:
    """Find who waits for the signal."""
    await desk.fetch([SignalReceivers(command.name)], context.tenant)
    return desk.answers


def decide_send(command: SendSignal, _target: None, answers: Mapping[Question, Any], context: Context) -> Decision:
    """Send the signal; a ``SignalAnswer``."""
    unit = unit_of(context, {}, answers)
    signal_id = context.ids.next("signal", None)
    variables = sent_variables(command.variables, signal_stream(signal_id), context)
    sent = send_signal(unit, signal_id, command.name, variables)
    answer = SignalAnswer(signal_id, command.name, context.now, context.actor.id, sent.subscriber_count)
    return decided(unit, answer)
