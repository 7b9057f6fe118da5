"""Sending messages (contracts/engine.md 2.9)."""

from datetime import datetime
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.intents import Intent, ProcessVariable, Timer
from commands.turns import decided, sent_variables, unit_of
from domain.bpmn.timers import TimerError, due_at
from domain.coordination.correlation import send_message
from domain.identity import channel_stream
from domain.messaging.events import MessageSent
from domain.rejection import InvalidInput


class SendMessage(Intent, frozen=True):
    """Send a message to the one that waits for it, or keep it until it expires (operation ``sendMessage``)."""

    correlation_key: str = ""
    name: str = ""
    worker_id: str = ""
    expiration_timer: Timer | None = None
    unique_key: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class MessageAnswer(NamedTuple):
    """A message; ``expires_at`` is None while it is correlated and what it triggers has not run."""

    id: int
    name: str
    correlation_key: str
    unique_key: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    correlated: bool


async def gather_send(command: SendMessage, _target: None, context: Context, desk: Desk) -> AtHand:
    """Hold the channel."""
    await desk.hold(channel_stream(context.tenant, command.name, command.correlation_key))
    return desk.at_hand


def decide_send(command: SendMessage, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Send the message, or answer the one that its unique key stands for; a ``MessageAnswer``."""
    unit = unit_of(context, at_hand.states, at_hand.answers)
    message_id = context.ids.next("message", None)
    message = send_message(
        unit,
        MessageSent(
            id=message_id,
            name=command.name,
            correlation_key=command.correlation_key,
            expires_at=_expiry(command.expiration_timer, context.now),
            unique_key=command.unique_key,
            lasting=command.expiration_timer is not None,
            variables=sent_variables(command.variables, f"message-{message_id}", context),
        ),
    )
    sent = message.sent
    answer = MessageAnswer(
        id=sent.id,
        name=sent.name,
        correlation_key=sent.correlation_key,
        unique_key=sent.unique_key,
        created_at=message.created_at,
        created_by=message.created_by,
        expires_at=None if message.correlated else sent.expires_at,
        correlated=message.correlated,
    )
    return decided(unit, answer)


def _expiry(timer: Timer | None, now: datetime) -> datetime:
    """Return when a message expires: at once without a timer."""
    if timer is None:
        return now
    try:
        return due_at(timer.definition, now)
    except TimerError as error:
        raise InvalidInput("failed to evaluate expiration timer", str(error)) from error
