"""Disabling webhooks whose receivers are gone or fail for days: that is a fact, and comes back by the log.

What has to be is written with the attempt that shows it, and made a fact from there, so that it is not forgotten.
"""

import structlog

from commands.handling import Asker, Commands
from commands.webhooks import DisableWebhook
from domain.event import Actor
from domain.rejection import InvalidState, NotFound
from domain.webhooks.events import Reason
from infra.delivery import metrics
from infra.delivery.stretches import SQL
from projections.database import Database

ACTOR = Actor("system", "system")

log = structlog.get_logger(__name__)


class Disabler:
    """Sends commands for what is written down."""

    def __init__(self, commands: Commands, database: Database) -> None:
        self._commands = commands
        self._database = database
        self._told: set[str] = set()

    async def disable(self) -> None:
        """Disable what has to be, each once: whoever enables it again before that comes back by the log is right."""
        found = await self._database.fetch(SQL["to_disable"])
        keys = {f"{webhook}/{since.isoformat()}": (webhook, tenant, reason) for webhook, tenant, reason, since in found}
        for key, (webhook, tenant, reason) in keys.items():
            if key not in self._told:
                await self._disable(key, webhook, tenant, reason)
        self._told = set(keys)

    async def _disable(self, key: str, webhook: str, tenant: str, reason: Reason) -> None:
        asker = Asker(tenant, ACTOR, idempotency_key=key)
        try:
            await self._commands.send(DisableWebhook(reason=reason), asker, webhook)
        except (NotFound, InvalidState):
            return  # deleted meanwhile
        log.warning("a webhook is disabled", webhook=webhook, tenant=tenant, reason=reason)
        metrics.DISABLED.labels(reason).inc()
