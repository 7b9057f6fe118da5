"""Making and changing webhooks, and asking them for a test, a redelivery or a replay (docs/webhooks.md).

The target of a command on a webhook is its ULID; an unknown, a deleted and another tenant's are answered alike. The
answer is the ULID, but where a secret has been made: that, sealed, is what a repeated request must be answered with.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from commands import webhook_fields
from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.holding import hold_own
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.registers import enlist, strike_off
from commands.turns import decided, unit_of
from domain.event import Event
from domain.identity import Int64, register_stream, webhook_stream
from domain.rejection import Cause, InvalidInput, InvalidState
from domain.webhooks.events import (
    Reason,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRedeliveryRequested,
    WebhookReplayRequested,
    WebhookSecretRotated,
    WebhookTested,
)
from domain.webhooks.webhook import Webhook

CREATE, CHANGE, DELETE = "failed to create webhook", "failed to change webhook", "failed to delete webhook"
SEND = "failed to send to webhook"

#: Webhooks that a tenant may have: every event is held against each of them.
MOST_WEBHOOKS = 100


class CreateWebhook(Intent, frozen=True):
    """Have events delivered to a URL (``POST /webhooks``). ``InvalidState`` where the tenant has ``MOST_WEBHOOKS``.

    ``secret`` is the client's own; without one, one is made.
    """

    url: str = ""
    description: str = ""
    types: tuple[str, ...] = ()
    process_key: str = ""
    ordered: bool = False
    secret: str = ""


class ChangeWebhook(Intent, frozen=True):
    """Have others delivered, or elsewhere (``PATCH /webhooks/{id}``); absent members stay."""

    url: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    process_key: str | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET


class RotateWebhookSecret(Intent, frozen=True):
    """Sign with a new secret; the one before signs on for ``overlap_seconds``.

    ``secret`` is the client's own; without one, one is made.
    """

    overlap_seconds: Int64 = webhook_fields.DEFAULT_OVERLAP
    secret: str = ""


class EnableWebhook(Intent, frozen=True):
    """Deliver again."""


class DisableWebhook(Intent, frozen=True):
    """Deliver nothing any more, for the time being."""

    reason: Reason = "manual"


class DeleteWebhook(Intent, frozen=True):
    """Deliver nothing any more, and forget it."""


class TestWebhook(Intent, frozen=True):
    """Deliver an event about this very command, at the outcome's position."""

    __test__ = False  # to pytest, what begins with Test is one


class RedeliverEvent(Intent, frozen=True):
    """Deliver the event of a position once more."""

    position: Int64 = 0


class ReplayEvents(Intent, frozen=True):
    """Deliver what the webhook wants of the events behind one position, up to another one, once more."""

    after: Int64 = 0
    upto: Int64 = 0


class MintedWebhook(NamedTuple):
    """The target of ``CreateWebhook``: its ULID, and its secret as the log may know it."""

    id: str
    sealed_secret: str


class SecretToRotate(NamedTuple):
    """The target of ``RotateWebhookSecret``: the webhook's ULID, and its new secret as the log may know it."""

    id: str
    sealed_secret: str


class SealedAnswer(msgspec.Struct, frozen=True):
    """The answer where a secret has been made: the webhook's ULID, and the secret, which the deployment can open."""

    id: str
    sealed_secret: str


class HeldWebhook(NamedTuple):
    """A webhook to decide on."""

    webhook: Webhook
    at_hand: AtHand


async def gather_create(command: CreateWebhook, _target: MintedWebhook, context: Context, desk: Desk) -> AtHand:
    """Refuse wrong fields with a cause each."""
    refuse_if_any(
        CREATE,
        *webhook_fields.url(command.url),
        *webhook_fields.description(command.description),
        *webhook_fields.types(command.types),
        *webhook_fields.process_key(command.process_key),
        *webhook_fields.secret(command.secret),
    )
    await desk.hold(register_stream("webhooks", context.tenant))
    return desk.at_hand


def decide_create(command: CreateWebhook, minted: MintedWebhook, at_hand: AtHand, context: Context) -> Decision:
    """Create it, unless the tenant has as many as may be."""
    unit = unit_of(context, *at_hand)
    too_many = InvalidState(CREATE, f"the tenant has {MOST_WEBHOOKS} webhooks already")
    enlist(unit, register_stream("webhooks", context.tenant), minted.id, MOST_WEBHOOKS, too_many)
    created = WebhookCreated(
        url=command.url,
        sealed_secret=minted.sealed_secret,
        description=command.description.strip(),
        types=_each_once(command.types),
        process_key=command.process_key.strip(),
        ordered=command.ordered,
    )
    unit.record(webhook_stream(minted.id), created, new=True)
    return decided(unit, SealedAnswer(minted.id, minted.sealed_secret))


async def gather_change(command: ChangeWebhook, ulid: str, context: Context, desk: Desk) -> HeldWebhook:
    """Refuse wrong fields with a cause each, and a change of nothing; hold the webhook."""
    held = await _hold(desk, ulid, context.tenant, CHANGE)
    if command == ChangeWebhook():
        raise InvalidInput(CHANGE, "nothing to change is given")
    refuse_if_any(CHANGE, *_wrong(command))
    return held


def decide_change(command: ChangeWebhook, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Change what is given and differs; a change to what already is appends nothing."""
    differing = {name: value for name, value in _given(command).items() if value != getattr(held.webhook, name)}
    return _recorded(ulid, held, context, *([WebhookChanged(**differing)] if differing else ()))


async def gather_rotate(
    command: RotateWebhookSecret, target: SecretToRotate, context: Context, desk: Desk
) -> HeldWebhook:
    """Refuse wrong fields with a cause each; hold the webhook."""
    held = await _hold(desk, target.id, context.tenant, CHANGE)
    refuse_if_any(CHANGE, *webhook_fields.overlap(command.overlap_seconds), *webhook_fields.secret(command.secret))
    return held


def decide_rotate(
    command: RotateWebhookSecret, target: SecretToRotate, held: HeldWebhook, context: Context
) -> Decision:
    """Put the new secret first."""
    unit = unit_of(context, *held.at_hand)
    until = context.now + timedelta(seconds=command.overlap_seconds)
    unit.record(webhook_stream(target.id), WebhookSecretRotated(target.sealed_secret, until))
    return decided(unit, SealedAnswer(*target))


async def gather_switch(
    _command: EnableWebhook | DisableWebhook, ulid: str, context: Context, desk: Desk
) -> HeldWebhook:
    """Hold the webhook."""
    return await _hold(desk, ulid, context.tenant, CHANGE)


def decide_enable(_command: EnableWebhook, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Enable it; one that is stays as it is."""
    return _recorded(ulid, held, context, *((WebhookEnabled(),) if held.webhook.disabled else ()))


def decide_disable(command: DisableWebhook, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Disable it; one that is stays so for the reason it was for."""
    return _recorded(ulid, held, context, *(() if held.webhook.disabled else (WebhookDisabled(command.reason),)))


async def gather_delete(_command: DeleteWebhook, ulid: str, context: Context, desk: Desk) -> HeldWebhook:
    """Hold the webhook, and the list that it stands in."""
    held = await _hold(desk, ulid, context.tenant, DELETE)
    await desk.hold(register_stream("webhooks", context.tenant))
    return held


def decide_delete(_command: DeleteWebhook, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Delete it for good."""
    unit = unit_of(context, *held.at_hand)
    unit.record(webhook_stream(ulid), WebhookDeleted())
    strike_off(unit, register_stream("webhooks", context.tenant), ulid)
    return decided(unit, ulid)


async def gather_send(
    command: TestWebhook | RedeliverEvent | ReplayEvents, ulid: str, context: Context, desk: Desk
) -> HeldWebhook:
    """Refuse positions that no event can have; hold the webhook, which must not be disabled."""
    held = await _hold(desk, ulid, context.tenant, SEND)
    refuse_if_any(SEND, *_misplaced(command))
    if held.webhook.disabled:
        raise InvalidState(SEND, f"webhook whk_{ulid} is disabled")
    return held


def decide_test(_command: TestWebhook, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Have that very fact delivered."""
    return _recorded(ulid, held, context, WebhookTested())


def decide_redeliver(command: RedeliverEvent, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Have it delivered once more."""
    return _recorded(ulid, held, context, WebhookRedeliveryRequested(command.position))


def decide_replay(command: ReplayEvents, ulid: str, held: HeldWebhook, context: Context) -> Decision:
    """Have them delivered once more."""
    return _recorded(ulid, held, context, WebhookReplayRequested(command.after, command.upto))


async def _hold(desk: Desk, ulid: str, tenant: str, title: str) -> HeldWebhook:
    return HeldWebhook(await hold_own(desk, webhook_stream(ulid), tenant, title), desk.at_hand)


def _recorded(ulid: str, held: HeldWebhook, context: Context, *events: Event) -> Decision:
    unit = unit_of(context, *held.at_hand)
    for event in events:
        unit.record(webhook_stream(ulid), event)
    return decided(unit, ulid)


def _given(command: ChangeWebhook) -> dict[str, Any]:
    """Return the members that are given, as they are to be kept, by name."""
    given = {name: value for name, value in msgspec.structs.asdict(command).items() if value is not UNSET}
    for name in given.keys() & {"description", "process_key"}:
        given[name] = given[name].strip()
    if "types" in given:
        given["types"] = _each_once(given["types"])
    return given


def _wrong(command: ChangeWebhook) -> Iterator[Cause]:
    if command.url is not UNSET:
        yield from webhook_fields.url(command.url)
    if command.description is not UNSET:
        yield from webhook_fields.description(command.description)
    if command.types is not UNSET:
        yield from webhook_fields.types(command.types)
    if command.process_key is not UNSET:
        yield from webhook_fields.process_key(command.process_key)


def _misplaced(command: TestWebhook | RedeliverEvent | ReplayEvents) -> Iterator[Cause]:
    match command:
        case RedeliverEvent():
            yield from webhook_fields.position("#/position", command.position, 1)
        case ReplayEvents():
            yield from webhook_fields.position("#/after", command.after, 0)
            yield from webhook_fields.position("#/upto", command.upto, max(command.after, 0) + 1)
        case TestWebhook():
            pass


def _each_once(types: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(types))
