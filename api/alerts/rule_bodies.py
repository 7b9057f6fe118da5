"""The bodies of alerts about rules and samples that the commands do not have (contracts/incidents.md 0.6, 4.6)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.alerts.telling import stamp
from api.incidents.bodies import Form
from api.incidents.ids import INCIDENT_IDS, RULE_IDS
from commands.samples import SampleForm
from domain.alerting.metrics import MODULES, WINDOWS
from domain.timestamps import iso_milliseconds
from projections.alert_rules.queries import ListedRule


class EnableForm(Form, frozen=True):
    """Whether a rule is evaluated."""

    enabled: bool


class SamplesForm(Form, frozen=True):
    """Several samples at once."""

    samples: tuple[SampleForm, ...]


class AlertCondition(msgspec.Struct, frozen=True):
    """What a value is compared with, and how."""

    operator: str
    threshold: float


class AlertRule(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A rule; ``last_error`` is why its last evaluation failed, null where it did not."""

    id: str = msgspec.field(name="_id")
    tenant_id: str
    name: str
    description: str
    module: str
    metric: str
    condition: AlertCondition
    window_minutes: int
    cooldown_minutes: int
    scope: Mapping[str, str]
    channels: Sequence[Mapping[str, Any]]
    enabled: bool
    last_triggered_at: str | None
    last_incident_id: str | None
    last_error: str | None
    created_by: str
    updated_by: str
    created_at: str
    updated_at: str


class AlertRuleMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The words of rules; a rule of the module ``custom`` may watch metrics of any name."""

    valid_metrics: Sequence[str]
    valid_modules: Sequence[str]
    valid_windows: Sequence[int]
    module_metrics: Mapping[str, Sequence[str]]


class AlertRuleAnswer(msgspec.Struct, frozen=True):
    """One rule."""

    rule: AlertRule


class AlertRulesAnswer(msgspec.Struct, frozen=True):
    """All rules of the tenant, the oldest first."""

    rules: Sequence[AlertRule]
    meta: AlertRuleMeta


class AlertRuleDeleted(msgspec.Struct, frozen=True):
    """The rule is gone."""

    success: bool = True


class AlertSamplesTaken(msgspec.Struct, frozen=True):
    """How many samples were taken."""

    accepted: int


META = AlertRuleMeta(
    valid_metrics=[metric for metrics in MODULES.values() for metric in metrics],
    valid_modules=[*MODULES],
    valid_windows=WINDOWS,
    module_metrics=MODULES,
)


def rule_body(row: ListedRule) -> AlertRule:
    """Return a rule as clients see it."""
    return AlertRule(
        id=RULE_IDS.of(row.rule),
        tenant_id=row.tenant,
        name=row.name,
        description=row.description,
        module=row.module,
        metric=row.metric,
        condition=AlertCondition(row.operator, row.threshold),
        window_minutes=row.window_minutes,
        cooldown_minutes=row.cooldown_minutes,
        scope=row.scope,
        channels=row.channels,
        enabled=row.enabled,
        last_triggered_at=stamp(row.last_fired_at),
        last_incident_id=row.last_incident and INCIDENT_IDS.of(row.last_incident),
        last_error=row.last_error,
        created_by=row.created_by,
        updated_by=row.updated_by,
        created_at=iso_milliseconds(row.created_at),
        updated_at=iso_milliseconds(row.updated_at),
    )
