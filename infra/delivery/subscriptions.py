"""Webhooks as they are at a position of the log, as far as that decides what is delivered to them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Self, cast

import msgspec

from domain.event import Event
from domain.webhooks.webhook import Webhook, evolve
from infra.codec import decode
from infra.event_feed.entries import Entry
from projections.database import Database

STREAM = "webhook-"

ALL = "select webhook, state, sequence from delivery.webhooks where not deleted"

_decode = msgspec.json.Decoder(Webhook).decode
_encode = msgspec.json.Encoder().encode


class Subscription(msgspec.Struct, frozen=True):
    """A webhook (its ULID) at a position; ``sequence`` is the number of its newest delivery."""

    id: str
    webhook: Webhook
    sequence: int = 0

    @property
    def active(self) -> bool:
        """Whether anything is delivered to it."""
        return self.webhook.disabled is None and not self.webhook.deleted

    @property
    def state(self) -> bytes:
        """The webhook as it is kept. A member that it gets in a later release needs a default."""
        return _encode(self.webhook)


class Subscriptions:
    """The webhooks of all tenants, by id and by tenant. ``changed`` are those of which something is to be written."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self._known: dict[str, Subscription] = {}
        self._of_tenant: defaultdict[str, set[str]] = defaultdict(set)
        self._numbers: dict[str, int] = {}  # of those that are folded anew

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read them as they were written last."""
        loaded = cls()
        for webhook, state, sequence in await database.fetch(ALL):
            loaded.put(Subscription(webhook, _decode(state), sequence))
        loaded.changed.clear()
        return loaded

    def copy(self) -> Self:
        """Return them as they are; what becomes of the copy changes nothing here."""
        copied = type(self)()
        for subscription in self._known.values():
            copied.put(subscription)
        copied.changed.clear()
        return copied

    def tenants(self) -> set[str]:
        """Return the tenants that have any."""
        return {tenant for tenant, ids in self._of_tenant.items() if ids}

    def of_tenant(self, tenant: str) -> Iterator[Subscription]:
        """Yield those of a tenant to which something is delivered."""
        for webhook in sorted(self._of_tenant.get(tenant, ())):
            if self._known[webhook].active:
                yield self._known[webhook]

    def get(self, webhook: str) -> Subscription | None:
        return self._known.get(webhook)

    def put(self, subscription: Subscription) -> None:
        """Take one as it is now; one that is deleted is forgotten."""
        self.changed.add(subscription.id)
        if subscription.webhook.deleted:
            self._known.pop(subscription.id, None)
            self._of_tenant[subscription.webhook.tenant].discard(subscription.id)
        else:
            self._known[subscription.id] = subscription
            self._of_tenant[subscription.webhook.tenant].add(subscription.id)

    def numbered(self, webhook: str) -> int:
        """Return the number of the next delivery of one."""
        before = self._known[webhook]
        self.put(msgspec.structs.replace(before, sequence=before.sequence + 1))
        return before.sequence + 1

    def begin_again(self) -> None:
        """Forget all of them but for their numbers; what is not folded anew is as if it were deleted."""
        self._numbers = {one.id: one.sequence for one in self._known.values()}
        self.changed.update(self._known)
        self._known.clear()
        self._of_tenant.clear()

    def fold(self, entry: Entry) -> tuple[Subscription, Event] | None:
        """Apply a fact about a webhook; return the webhook after it, and the fact. None where that is about none."""
        event: Any = decode(entry.topic, entry.state)
        ulid = entry.stream.removeprefix(STREAM)
        before = self._known.get(ulid)
        webhook = evolve(before.webhook if before else None, event, entry.happened_at, entry.actor_id, entry.tenant)
        if webhook is None:
            return None
        sequence = before.sequence if before else self._numbers.get(ulid, 0)
        after = Subscription(ulid, webhook, sequence)
        self.put(after)
        return after, cast("Event", event)
