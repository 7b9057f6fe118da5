"""Moves of random histories: webhooks are made, changed, disabled, asked to send and deleted."""

from collections.abc import Callable
from datetime import timedelta

from domain.event import Event
from domain.identity import webhook_stream
from domain.webhooks.events import (
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
from tests.integration.projection_runs import Chronicle, Watched

URLS = ("https://receiver.example/", "https://receiver.example:8443/hooks?of=%22annals%22")
TYPES: tuple[tuple[str, ...], ...] = ((), ("incident.*",), ("incident.*", "job.failed.v1"))
PROCESSES = ("", "order", 'a "b" ü')


def create_webhook(log: Chronicle, tenant: str) -> None:
    pick = log.chance.choice
    webhook = Watched(webhook_stream(f"W{log.number('webhook'):025d}"), tenant)
    ordered = log.chance.random() < 0.2
    created = WebhookCreated(pick(URLS), "sealed", pick(("", "Desk")), pick(TYPES), pick(PROCESSES), ordered=ordered)
    log.record(webhook.stream, tenant, created)
    log.webhooks.append(webhook)


def see_to_webhook(log: Chronicle, tenant: str) -> None:
    webhooks = [webhook for webhook in log.webhooks if webhook.tenant == tenant]
    if not webhooks:
        create_webhook(log, tenant)
        return
    webhook = log.chance.choice(webhooks)
    event = log.chance.choice(EVENTS)(log)
    if isinstance(event, WebhookDeleted):
        log.webhooks.remove(webhook)
    log.record(webhook.stream, tenant, event)


EVENTS: tuple[Callable[[Chronicle], Event], ...] = (
    lambda log: WebhookChanged(url=log.chance.choice(URLS)),
    lambda log: WebhookChanged(types=log.chance.choice(TYPES), process_key=log.chance.choice(PROCESSES)),
    lambda log: WebhookChanged(description="ü", ordered=log.chance.random() < 0.5),
    lambda log: WebhookSecretRotated("sealed", log.now + timedelta(days=1)),
    lambda log: WebhookDisabled(log.chance.choice(("manual", "gone", "failing"))),
    lambda _: WebhookEnabled(),
    lambda _: WebhookTested(),
    lambda log: WebhookRedeliveryRequested(len(log.facts)),
    lambda log: WebhookReplayRequested(0, len(log.facts)),
    lambda _: WebhookDeleted(),
)

WEBHOOK_MOVES: tuple[Callable[[Chronicle, str], None], ...] = (
    *(create_webhook,) * 2,
    *(see_to_webhook,) * 6,
)


class WebhookHistory(Chronicle):
    """A history of nothing but webhooks; the same seed gives the same history."""

    def __init__(self, seed: int, moves: int, tenants: tuple[str, ...]) -> None:
        super().__init__(seed)
        for _ in range(moves):
            self.tick()
            self.chance.choice(WEBHOOK_MOVES)(self, self.chance.choice(tenants))
