"""Making, changing and firing alert rules (contracts/incidents.md 0.5 no. 2, 4.6).

The target of a command on a rule is its ULID; an unknown, a deleted and another tenant's rule are answered alike. The
answer is the ULID.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec

from commands import alert_fields
from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.holding import hold_own
from commands.incident_fields import one_of
from commands.incident_opening import open_incident
from commands.intents import Intent
from commands.registers import enlist, strike_off
from commands.turns import decided, unit_of
from domain.alerting.evaluating import Breach, Measurement, evaluate, message_of, title_of
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
from domain.alerting.metrics import DEFAULT_COOLDOWN, OPERATORS, Operator
from domain.alerting.rule import Rule
from domain.event import Event
from domain.identity import register_stream, rule_stream
from domain.incidents.events import IncidentOpened, RuleCause
from domain.rejection import InvalidInput, InvalidState

SAVE, DELETE, FIRE = "failed to save rule", "failed to delete rule", "failed to fire rule"

#: Rules that a tenant may have: each is evaluated over and over.
MOST_RULES = 1_000

#: What a rule has that names no channels: an e-mail to nobody in particular.
DEFAULT_CHANNELS: tuple[Mapping[str, Any], ...] = ({"type": "email", "recipients": []},)


class ConditionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a value is compared with, and how."""

    operator: str = ""
    threshold: float | None = None


class RuleForm(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A rule as it is sent; its JSON form is the body. ``enabled`` left out: true for a new rule, else as it was."""

    name: str = ""
    description: str = ""
    module: str = ""
    metric: str = ""
    condition: ConditionForm = ConditionForm()
    window_minutes: int | None = None
    cooldown_minutes: int = DEFAULT_COOLDOWN
    scope: dict[str, str] = msgspec.field(default_factory=dict)
    channels: tuple[dict[str, Any], ...] | None = None
    enabled: bool | None = None


class CreateRule(Intent, frozen=True):
    """Watch a metric. Raises ``InvalidState`` where the tenant has ``MOST_RULES``."""

    rule: RuleForm


class ReplaceRule(Intent, frozen=True):
    """Give a rule other terms; those left out get their default."""

    rule: RuleForm


class EnableRule(Intent, frozen=True):
    """Have a rule evaluated, or no longer; its cooldown stays."""

    enabled: bool


class DeleteRule(Intent, frozen=True):
    """Take a rule away; its incidents stay."""


class FireRule(Intent, frozen=True):
    """Open the incident of a breach (by the evaluator).

    ``version`` is that of the rule's stream as it was evaluated; on another one nothing is decided.
    """

    version: int
    actual: float
    sample_count: int


class TellEvaluation(Intent, frozen=True):
    """Say whether a rule could be evaluated (by the evaluator): why not, or nothing where it could."""

    error: str


class HeldRule(NamedTuple):
    """A rule to decide on, and the version of its stream."""

    rule: Rule
    version: int
    at_hand: AtHand


async def gather_create(command: CreateRule, _target: None, context: Context, desk: Desk) -> AtHand:
    """Refuse wrong fields with a cause each."""
    _refuse_wrong(command.rule)
    await desk.hold(register_stream("rules", context.tenant))
    return desk.at_hand


def decide_create(command: CreateRule, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Make the rule, unless the tenant has as many as may be."""
    unit = unit_of(context, *at_hand)
    ulid = unit.ids.ulid()
    too_many = InvalidState(SAVE, f"the tenant has {MOST_RULES} rules already")
    enlist(unit, register_stream("rules", context.tenant), ulid, MOST_RULES, too_many)
    created = RuleCreated(_terms(command.rule), command.rule.enabled is not False, context.email)
    unit.record(rule_stream(ulid), created, new=True)
    return decided(unit, ulid)


async def gather_replace(command: ReplaceRule, ulid: str, context: Context, desk: Desk) -> HeldRule:
    """Refuse wrong fields with a cause each; hold the rule."""
    held = await hold_rule(desk, ulid, context.tenant, SAVE)
    _refuse_wrong(command.rule)
    return held


def decide_replace(command: ReplaceRule, ulid: str, held: HeldRule, context: Context) -> Decision:
    """Change what differs."""
    rule, form = held.rule, command.rule
    events: list[Event] = []
    if _terms(form) != rule.terms:
        events.append(RuleChanged(_terms(form), context.email))
    if form.enabled is not None and form.enabled != rule.enabled:
        events.append(_enabled(context.email, enabled=form.enabled))
    return _recorded(ulid, held, context, *events)


async def gather_rule(command: EnableRule | DeleteRule, ulid: str, context: Context, desk: Desk) -> HeldRule:
    """Hold the rule."""
    return await hold_rule(desk, ulid, context.tenant, DELETE if isinstance(command, DeleteRule) else SAVE)


def decide_enable(command: EnableRule, ulid: str, held: HeldRule, context: Context) -> Decision:
    """Enable or disable it; what already is so stays as it is."""
    if command.enabled == held.rule.enabled:
        return Decision((), ulid)
    return _recorded(ulid, held, context, _enabled(context.email, enabled=command.enabled))


def decide_delete(_command: DeleteRule, ulid: str, held: HeldRule, context: Context) -> Decision:
    """Delete it for good."""
    unit = unit_of(context, *held.at_hand)
    unit.record(rule_stream(ulid), RuleDeleted(context.email))
    strike_off(unit, register_stream("rules", context.tenant), ulid)
    return decided(unit, ulid)


async def gather_fire(_command: FireRule | TellEvaluation, ulid: str, context: Context, desk: Desk) -> HeldRule:
    """Hold the rule."""
    return await hold_rule(desk, ulid, context.tenant, FIRE)


def decide_fire(command: FireRule, ulid: str, held: HeldRule, context: Context) -> Decision:
    """Open the incident, unless the rule is another one by now, is disabled or cools down: who fired first, fired.

    The answer is the ULID of the incident, None where there is none.
    """
    rule = held.rule
    if held.version != command.version or not rule.enabled or rule.is_cooling_down(context.now):
        return Decision(())
    breach = evaluate(rule.terms, Measurement(command.actual, command.sample_count))
    if breach is None:
        return Decision(())
    unit = unit_of(context, *held.at_hand)
    incident = open_incident(unit, _opened(ulid, rule, breach))
    unit.record(rule_stream(ulid), RuleFired(incident, *breach.measurement))
    return decided(unit, incident)


def decide_tell(command: TellEvaluation, ulid: str, held: HeldRule, context: Context) -> Decision:
    """Note a change: that it fails for this reason now, or no longer fails."""
    if command.error == held.rule.last_error:
        return Decision((), ulid)
    event = RuleEvaluationFailed(command.error) if command.error else RuleEvaluationRecovered()
    return _recorded(ulid, held, context, event)


async def hold_rule(desk: Desk, ulid: str, tenant: str, title: str) -> HeldRule:
    """Hold a rule."""
    stream = rule_stream(ulid)
    return HeldRule(await hold_own(desk, stream, tenant, title), desk.version(stream), desk.at_hand)


def _recorded(ulid: str, held: HeldRule, context: Context, *events: Event) -> Decision:
    unit = unit_of(context, *held.at_hand)
    for event in events:
        unit.record(rule_stream(ulid), event)
    return decided(unit, ulid)


def _enabled(email: str, *, enabled: bool) -> RuleEnabled | RuleDisabled:
    return RuleEnabled(email) if enabled else RuleDisabled(email)


def _refuse_wrong(form: RuleForm) -> None:
    causes = [
        *alert_fields.naming(form.name, form.description),
        *alert_fields.metric_of(form.module, form.metric),
        *one_of("#/condition/operator", form.condition.operator, OPERATORS),
        *alert_fields.figure("#/condition/threshold", form.condition.threshold),
        *alert_fields.window(form.window_minutes),
        *alert_fields.cooldown(form.cooldown_minutes),
        *alert_fields.rule_scope(form.module, form.scope),
        *alert_fields.channels(form.channels or ()),
    ]
    if causes:
        raise InvalidInput(SAVE, "fields are invalid", causes)


def _terms(form: RuleForm) -> Terms:
    """Return the terms of a form whose fields are right."""
    channels = DEFAULT_CHANNELS if form.channels is None else form.channels
    return Terms(
        name=form.name.strip(),
        description=form.description.strip(),
        module=form.module,
        metric=form.metric,
        operator=cast("Operator", form.condition.operator),
        threshold=float(form.condition.threshold or 0),
        window_minutes=form.window_minutes or 0,
        cooldown_minutes=form.cooldown_minutes,
        scope=form.scope,
        channels=msgspec.json.encode(channels).decode(),
    )


def _opened(ulid: str, rule: Rule, breach: Breach) -> IncidentOpened:
    terms, measured = rule.terms, breach.measurement
    return IncidentOpened(
        source="alert_rule",
        severity=breach.severity,
        title=title_of(terms),
        error_message=message_of(terms, measured.value),
        previous_incident=rule.last_incident,
        rule=RuleCause(
            rule_id=ulid,
            rule_name=terms.name,
            metric=terms.metric,
            operator=terms.operator,
            threshold=terms.threshold,
            actual=measured.value,
            window_minutes=terms.window_minutes,
            sample_count=measured.sample_count,
            scope=terms.scope,
        ),
    )
