"""The state of an alert rule."""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.alerting.events import (
    RuleChanged,
    RuleCreated,
    RuleDeleted,
    RuleDisabled,
    RuleEnabled,
    RuleEvaluationFailed,
    RuleEvaluationRecovered,
    RuleEvent,
    RuleFired,
    Terms,
)


class Rule(msgspec.Struct, frozen=True):
    """A rule, as far as what happens next depends on it; ``last_incident`` is the ULID of what it last opened."""

    tenant: str
    terms: Terms
    enabled: bool
    deleted: bool = False
    last_fired_at: datetime | None = None
    last_incident: str = ""
    last_error: str = ""

    def is_cooling_down(self, now: datetime) -> bool:
        """Tell whether it has fired so recently that it must not fire again yet."""
        return cooling_down(self.last_fired_at, self.terms.cooldown_minutes, now)


def cooling_down(last_fired_at: datetime | None, cooldown_minutes: int, now: datetime) -> bool:
    """Tell whether less than the cooldown has passed since a rule fired; a cooldown of 0 has always passed."""
    return last_fired_at is not None and now - last_fired_at < timedelta(minutes=cooldown_minutes)


def evolve(rule: Rule | None, event: RuleEvent, at: datetime, _by: str, tenant: str) -> Rule:
    """Apply a fact."""
    if rule is None:
        created: RuleCreated = event  # type: ignore[assignment]  # the first fact of every rule
        return Rule(tenant, created.terms, created.enabled)
    return _changed(rule, event, at)


def _changed(rule: Rule, event: RuleEvent, at: datetime) -> Rule:
    replace = msgspec.structs.replace
    match event:
        case RuleCreated() | RuleChanged():
            return replace(rule, terms=event.terms)
        case RuleEnabled() | RuleDisabled():
            return replace(rule, enabled=isinstance(event, RuleEnabled))
        case RuleDeleted():
            return replace(rule, deleted=True)
        case RuleFired():
            return replace(rule, last_fired_at=at, last_incident=event.incident)
        case RuleEvaluationFailed():
            return replace(rule, last_error=event.error)
        case RuleEvaluationRecovered():
            return replace(rule, last_error="")
        case _:
            assert_never(event)
