"""Facts of webhooks: addresses of others that are told of events (https://www.standardwebhooks.com).

Attempts to deliver are no facts: they would be told to webhooks in turn, without end (docs/adr/0019). What people ask
for is (a test, a redelivery, a replay), and so is what becomes of a webhook whose receiver has gone.
"""

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from domain.event import Event

#: Why nothing is delivered: somebody has said so, the receiver has answered that it is gone (410), or for days nothing
#: that was sent has been taken.
Reason = Literal["manual", "gone", "failing"]


class WebhookCreated(Event, frozen=True):
    """Events of a tenant are to be delivered to a URL. Its stream is ``webhook-<ULID>``.

    Only events from behind this one on are; of these types (none: of all; ``incident.*`` is all that begin so), and of
    this process (empty: of any), by its BPMN id. ``ordered``: none is sent before the one ahead of it has arrived.
    """

    topic: ClassVar[str] = "webhook.created.v1"
    url: str
    sealed_secret: str
    description: str = ""
    types: tuple[str, ...] = ()
    process_key: str = ""
    ordered: bool = False


class WebhookChanged(Event, frozen=True):
    """What is given is so from now on; the rest stays. What was to be sent goes to the URL of the moment."""

    topic: ClassVar[str] = "webhook.changed.v1"
    url: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    types: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    process_key: str | msgspec.UnsetType = msgspec.UNSET
    ordered: bool | msgspec.UnsetType = msgspec.UNSET


class WebhookSecretRotated(Event, frozen=True):
    """Signatures are made with a new secret, and with the ones before until their time is over (``until``)."""

    topic: ClassVar[str] = "webhook.secret_rotated.v1"
    sealed_secret: str
    until: datetime


class WebhookDisabled(Event, frozen=True):
    """Nothing is sent any more: what was to be sent waits, and what happens from now on is not even to be."""

    topic: ClassVar[str] = "webhook.disabled.v1"
    reason: Reason = "manual"


class WebhookEnabled(Event, frozen=True):
    """What waits is sent, and what happens from now on."""

    topic: ClassVar[str] = "webhook.enabled.v1"


class WebhookDeleted(Event, frozen=True):
    """Nothing is sent any more, whatever waits."""

    topic: ClassVar[str] = "webhook.deleted.v1"


class WebhookTested(Event, frozen=True):
    """Somebody wants to see that events arrive: this very fact is delivered, whatever the filters say."""

    topic: ClassVar[str] = "webhook.tested.v1"


class WebhookRedeliveryRequested(Event, frozen=True):
    """An event, by its position, is to be delivered once more: the same bytes under the same id."""

    topic: ClassVar[str] = "webhook.redelivery_requested.v1"
    position: int


class WebhookReplayRequested(Event, frozen=True):
    """All events that the filters let through, after one position up to another, are to be delivered (once more)."""

    topic: ClassVar[str] = "webhook.replay_requested.v1"
    after: int
    upto: int


WebhookEvent = (
    WebhookCreated
    | WebhookChanged
    | WebhookSecretRotated
    | WebhookDisabled
    | WebhookEnabled
    | WebhookDeleted
    | WebhookTested
    | WebhookRedeliveryRequested
    | WebhookReplayRequested
)
