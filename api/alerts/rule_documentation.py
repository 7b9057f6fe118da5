"""How the operations of alerts about rules and samples are documented: their bodies, with examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import OpenAPIType, Schema

from api.alerts.errors import ALERTS_FORM
from api.incidents.documentation import ONCE, Documented, body_of, json_body, refusals
from commands.access_fields import LABEL_LENGTH
from commands.alert_fields import GREATEST, LONGEST_DESCRIPTION, LONGEST_SCOPE_VALUE, MOST_CHANNELS, MOST_SCOPE_KEYS
from commands.alert_rules import MOST_RULES
from commands.samples import MOST_SAMPLES
from domain.alerting.metrics import DEFAULT_COOLDOWN, LONGEST_COOLDOWN, MODULES, OPERATORS, WINDOWS
from domain.rejection import InvalidState

#: A tenant has all the rules that it may have.
TOO_MANY = refusals(ALERTS_FORM, InvalidState("failed to save rule", f"the tenant has {MOST_RULES} rules already"))

_FIGURE = Schema(type=OpenAPIType.NUMBER, minimum=-GREATEST, maximum=GREATEST)
_COUNT = Schema(type=OpenAPIType.INTEGER, minimum=0)
_METRIC = Schema(type=OpenAPIType.STRING, pattern="^[a-z][a-z0-9_]{0,99}$")
_SCOPE = Schema(
    type=OpenAPIType.OBJECT,
    additional_properties=Schema(type=OpenAPIType.STRING, min_length=1, max_length=LONGEST_SCOPE_VALUE),
    max_properties=MOST_SCOPE_KEYS,
    description="names to values; a rule counts the samples that have all pairs of its own",
)
_CONDITION = Schema(
    type=OpenAPIType.OBJECT,
    properties={"operator": Schema(type=OpenAPIType.STRING, enum=list(OPERATORS)), "threshold": _FIGURE},
    required=["operator", "threshold"],
    additional_properties=False,
)
_CHANNELS = Schema(
    type=OpenAPIType.ARRAY,
    max_items=MOST_CHANNELS,
    items=Schema(
        type=OpenAPIType.OBJECT,
        properties={"type": Schema(type=OpenAPIType.STRING, min_length=1, max_length=100)},
        required=["type"],
    ),
    description="kept as they are; without any: one by e-mail without recipients",
)

_RULE_EXAMPLE: Mapping[str, Any] = {
    "name": "Failing models",
    "module": "models",
    "metric": "error_rate",
    "condition": {"operator": "gt", "threshold": 5},
    "windowMinutes": 15,
    "cooldownMinutes": DEFAULT_COOLDOWN,
    "scope": {"modelKey": "gpt"},
}

_RULE = json_body(
    _RULE_EXAMPLE,
    ["name", "module", "metric", "condition", "windowMinutes"],
    name=Schema(type=OpenAPIType.STRING, min_length=1, max_length=LABEL_LENGTH),
    description=Schema(type=OpenAPIType.STRING, max_length=LONGEST_DESCRIPTION),
    module=Schema(type=OpenAPIType.STRING, enum=list(MODULES)),
    metric=_METRIC,
    condition=_CONDITION,
    windowMinutes=Schema(type=OpenAPIType.INTEGER, enum=list(WINDOWS)),
    cooldownMinutes=Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=LONGEST_COOLDOWN, default=DEFAULT_COOLDOWN),
    scope=_SCOPE,
    channels=_CHANNELS,
    enabled=Schema(type=OpenAPIType.BOOLEAN),
)

_SAMPLE = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "metric": _METRIC,
        "value": _FIGURE,
        "failed": _COUNT,
        "total": _COUNT,
        "scope": _SCOPE,
        "time": Schema(
            one_of=[Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.NUMBER)],
            description="default now; ISO 8601, UTC without a zone, or milliseconds since 1970; from 61 minutes ago to"
            " one minute ahead",
        ),
    },
    required=["metric"],
    additional_properties=False,
    description="either a value, or how many of how many failed",
)
_SAMPLES = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "samples": Schema(type=OpenAPIType.ARRAY, items=_SAMPLE, min_items=1, max_items=MOST_SAMPLES),
    },
    required=["samples"],
    additional_properties=False,
)


@dataclass
class CreateAlertRule(Documented):
    more_parameters = (ONCE,)
    body = _RULE


@dataclass
class ReplaceAlertRule(Documented):
    more_parameters = (ONCE,)
    body = _RULE


@dataclass
class EnableAlertRule(Documented):
    more_parameters = (ONCE,)
    body = json_body({"enabled": False}, ["enabled"], enabled=Schema(type=OpenAPIType.BOOLEAN))


@dataclass
class DeleteAlertRule(Documented):
    more_parameters = (ONCE,)


@dataclass
class ReportAlertSamples(Documented):
    more_parameters = (ONCE,)
    body = body_of(
        Schema(one_of=[_SAMPLE, _SAMPLES]),
        {"metric": "avg_latency_ms", "value": 231.5, "scope": {"modelKey": "gpt"}},
        {"samples": [{"metric": "error_rate", "failed": 3, "total": 120, "time": "2026-11-23T09:15:10Z"}]},
    )
