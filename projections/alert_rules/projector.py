"""Keeps a row for each alert rule that is not deleted."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from domain.alerting.events import (
    RuleChanged,
    RuleCreated,
    RuleDeleted,
    RuleDisabled,
    RuleEnabled,
    RuleEvaluationFailed,
    RuleEvaluationRecovered,
    RuleFired,
    Terms,
)
from domain.event import Recorded
from domain.identity import rule_of
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A rule, in the order of the table."""

    rule: str
    tenant: str
    version: int
    name: str
    description: str
    module: str
    metric: str
    operator: str
    threshold: float
    window_minutes: int
    cooldown_minutes: int
    scope: str
    channels: str
    enabled: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    last_fired_at: datetime | None = None
    last_incident: str = ""
    last_error: str = ""


#: Rules by their ULID.
Rules = dict[str, Row]


def _created(rules: Rules, fact: Recorded, event: RuleCreated) -> None:
    terms, at, by, rule = event.terms, fact.happened_at, fact.actor.id, rule_of(fact.stream)
    rules[rule] = Row(
        rule=rule,
        tenant=fact.tenant,
        version=fact.version,
        name=terms.name,
        description=terms.description,
        module=terms.module,
        metric=terms.metric,
        operator=terms.operator,
        threshold=terms.threshold,
        window_minutes=terms.window_minutes,
        cooldown_minutes=terms.cooldown_minutes,
        scope=_scope(terms),
        channels=terms.channels,
        enabled=event.enabled,
        created_at=at,
        created_by=by,
        updated_at=at,
        updated_by=by,
    )


def _changed(rules: Rules, fact: Recorded, event: RuleChanged) -> None:
    terms, rule = event.terms, _edited(rules, fact)
    rule.name, rule.description = terms.name, terms.description
    rule.module, rule.metric = terms.module, terms.metric
    rule.operator, rule.threshold = terms.operator, terms.threshold
    rule.window_minutes, rule.cooldown_minutes = terms.window_minutes, terms.cooldown_minutes
    rule.scope, rule.channels = _scope(terms), terms.channels


def _scope(terms: Terms) -> str:
    return msgspec.json.encode(terms.scope).decode()


def _enabled(rules: Rules, fact: Recorded, _event: RuleEnabled) -> None:
    _edited(rules, fact).enabled = True


def _disabled(rules: Rules, fact: Recorded, _event: RuleDisabled) -> None:
    _edited(rules, fact).enabled = False


def _edited(rules: Rules, fact: Recorded) -> Row:
    """Return a rule that somebody changes, with who does and when."""
    rule = _at(rules, fact)
    rule.updated_at, rule.updated_by = fact.happened_at, fact.actor.id
    return rule


def _at(rules: Rules, fact: Recorded) -> Row:
    rule = rules[rule_of(fact.stream)]
    rule.version = fact.version
    return rule


def _deleted(rules: Rules, fact: Recorded, _event: RuleDeleted) -> None:
    del rules[rule_of(fact.stream)]


def _fired(rules: Rules, fact: Recorded, event: RuleFired) -> None:
    rule = _at(rules, fact)
    rule.last_fired_at, rule.last_incident = fact.happened_at, event.incident


def _failed(rules: Rules, fact: Recorded, event: RuleEvaluationFailed) -> None:
    _at(rules, fact).last_error = event.error


def _recovered(rules: Rules, fact: Recorded, _event: RuleEvaluationRecovered) -> None:
    _at(rules, fact).last_error = ""


HANDLERS: Handlers[Rules] = {
    RuleCreated: _created,
    RuleChanged: _changed,
    RuleEnabled: _enabled,
    RuleDisabled: _disabled,
    RuleDeleted: _deleted,
    RuleFired: _fired,
    RuleEvaluationFailed: _failed,
    RuleEvaluationRecovered: _recovered,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    touched = sorted({rule_of(fact.stream) for fact in facts})
    known = [msgspec.convert(dict(row), Row) for row in await db.fetch(SQL["known"], touched)]
    rules = folded(facts, {rule.rule: rule for rule in known}, HANDLERS)
    await db.execute(SQL["delete"], touched)
    if rules:
        await db.execute(SQL["insert"], listed(rules.values()))


READ_MODEL = ReadModel(
    name="alert_rules",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("alert_rules",),
    project=project,
    facts=tuple(HANDLERS),
)
