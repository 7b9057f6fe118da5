"""Whose rules come when: tenants take turns, and one whose rules take long does not keep the others waiting.

In each round another tenant is the first. A tenant's rules have an allowance of time in a round; those that it did not
suffice for are the first ones in the next round.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from projections.alert_rules.queries import ListedRule, enabled_rules
from projections.database import Database

#: Rules that are read at once.
STRETCH = 500

#: Places in the order of rules: before all of them; behind all of a tenant's, and all tenants (no id is greater).
BEFORE_ALL = ("", "")
BEHIND_ALL = "~"


class Allowance:
    """The time that the rules of a tenant may take in a round; the one that exceeds it is seen through."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Take the time that is spent inside."""
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self._left -= asyncio.get_running_loop().time() - began


class Turns:
    """Enabled rules, tenant by tenant, in another order each round."""

    def __init__(self) -> None:
        self._first = ""
        self._stopped_at: dict[str, str] = {}

    def exceeds(self, tenant: str) -> bool:
        """Tell whether the allowance did not suffice the last time."""
        return tenant in self._stopped_at

    def stop(self, left: Sequence[ListedRule]) -> None:
        """Go on with these in the next round."""
        self._stopped_at[left[0].tenant] = left[0].rule

    def suffice(self, tenant: str) -> None:
        """Note that the allowance of a tenant did suffice."""
        self._stopped_at.pop(tenant, None)

    async def round(self, database: Database) -> AsyncIterator[Sequence[ListedRule]]:
        """Yield the rules of each tenant: first of the one behind that which was the first in the last round."""
        begun = self._first
        first = True
        for after, until in (((begun, BEHIND_ALL), BEHIND_ALL), (BEFORE_ALL, begun)):
            async for rules in _tenants(database, after, until):
                if first:
                    self._first, first = rules[0].tenant, False
                yield self._in_turn(rules)

    def _in_turn(self, rules: Sequence[ListedRule]) -> Sequence[ListedRule]:
        stopped_at = self._stopped_at.get(rules[0].tenant, "")
        return [
            *(rule for rule in rules if rule.rule >= stopped_at),
            *(rule for rule in rules if rule.rule < stopped_at),
        ]


async def _tenants(database: Database, after: tuple[str, str], until: str) -> AsyncIterator[Sequence[ListedRule]]:
    """Yield the rules of each tenant, however many are read at once: those behind a place, up to a last tenant."""
    rules: list[ListedRule] = []
    while stretch := [rule for rule in await enabled_rules(database, after, STRETCH) if rule.tenant <= until]:
        for rule in stretch:
            if rules and rule.tenant != rules[0].tenant:
                yield rules
                rules = []
            rules.append(rule)
        after = (stretch[-1].tenant, stretch[-1].rule)
    if rules:
        yield rules
