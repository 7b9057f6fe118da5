"""What owners of alert rules ask about them, and what the evaluator does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.alerting.events import Terms
from domain.alerting.metrics import Operator
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: Rules that are listed at most.
MOST_RULES = 10_000


class ListedRule(msgspec.Struct, frozen=True):
    """A rule; ``rule`` and ``last_incident`` are ULIDs, ``last_error`` is why its last evaluation failed, if it did.

    ``created_by`` and ``updated_by`` are actor words. ``version`` is that of the rule's stream.
    """

    rule: str
    tenant: str
    version: int
    name: str
    description: str
    module: str
    metric: str
    operator: Operator
    threshold: float
    window_minutes: int
    cooldown_minutes: int
    scope: Mapping[str, str]
    channels: Sequence[Mapping[str, Any]]
    enabled: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    last_fired_at: datetime | None
    last_incident: str | None
    last_error: str | None

    @property
    def terms(self) -> Terms:
        """What the rule watches, and what counts as a breach."""
        return Terms(
            name=self.name,
            description=self.description,
            module=self.module,
            metric=self.metric,
            operator=self.operator,
            threshold=self.threshold,
            window_minutes=self.window_minutes,
            cooldown_minutes=self.cooldown_minutes,
            scope=self.scope,
            channels=msgspec.json.encode(self.channels).decode(),
        )


async def list_rules(db: Database, tenant: str) -> list[ListedRule]:
    """Return the rules of a tenant, the oldest first."""
    return [_rule(row) for row in await db.fetch(SQL["rules"], tenant, MOST_RULES)]


async def find_rule(db: Database, tenant: str, ulid: str) -> ListedRule | None:
    """Return a rule; None for one that is unknown, deleted or another tenant's."""
    row = await db.fetchrow(SQL["rule"], tenant, ulid)
    return None if row is None else _rule(row)


async def enabled_rules(db: Database, after: tuple[str, str], limit: int) -> list[ListedRule]:
    """Return enabled rules of all tenants by (tenant, ULID), those behind ``after``."""
    return [_rule(row) for row in await db.fetch(SQL["enabled"], *after, limit)]


def _rule(row: Mapping[str, Any]) -> ListedRule:
    decode = msgspec.json.decode
    read = {"scope": decode(row["scope"]), "channels": decode(row["channels"])}
    told = {"last_incident": row["last_incident"] or None, "last_error": row["last_error"] or None}
    return ListedRule(**{**dict(row), **read, **told})
