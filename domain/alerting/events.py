"""Facts of alert rules, in streams ``rule-<ULID>``, and of samples (contracts/incidents.md 0.5 no. 2, 4.6).

Each batch of samples has a stream of its own, ``samples-<ULID>``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import msgspec

from domain.alerting.metrics import Operator
from domain.event import Event


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a rule watches, and what counts as a breach.

    Only samples whose scope has all pairs of ``scope`` count. Windows and cooldowns are in minutes. ``channels`` is
    kept as it was given: the JSON text of an array of objects.
    """

    name: str
    module: str
    metric: str
    operator: Operator
    threshold: float
    window_minutes: int
    cooldown_minutes: int
    channels: str
    description: str = ""
    scope: Mapping[str, str] = {}


class RuleCreated(Event, frozen=True):
    """Somebody wants to be told when a metric breaks these terms."""

    topic: ClassVar[str] = "rule.created.v1"
    terms: Terms
    enabled: bool = True
    email: str = ""


class RuleChanged(Event, frozen=True):
    """The rule has other terms from now on."""

    topic: ClassVar[str] = "rule.changed.v1"
    terms: Terms
    email: str = ""


class RuleEnabled(Event, frozen=True):
    """The rule is evaluated again; its cooldown goes on as if it had been all the time."""

    topic: ClassVar[str] = "rule.enabled.v1"
    email: str = ""


class RuleDisabled(Event, frozen=True):
    """The rule is not evaluated until it is enabled again."""

    topic: ClassVar[str] = "rule.disabled.v1"
    email: str = ""


class RuleDeleted(Event, frozen=True):
    """The rule is gone for good; its incidents stay."""

    topic: ClassVar[str] = "rule.deleted.v1"
    email: str = ""


class RuleFired(Event, frozen=True):
    """The metric broke the rule's terms; ``incident`` is the ULID of the incident opened in the same append."""

    topic: ClassVar[str] = "rule.fired.v1"
    incident: str
    actual: float
    sample_count: int


class RuleEvaluationFailed(Event, frozen=True):
    """The rule could not be evaluated; it is tried again each time, and this is told once."""

    topic: ClassVar[str] = "rule.evaluation_failed.v1"
    error: str


class RuleEvaluationRecovered(Event, frozen=True):
    """The rule could be evaluated again."""

    topic: ClassVar[str] = "rule.evaluation_recovered.v1"


RuleEvent = (
    RuleCreated
    | RuleChanged
    | RuleEnabled
    | RuleDisabled
    | RuleDeleted
    | RuleFired
    | RuleEvaluationFailed
    | RuleEvaluationRecovered
)


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A metric as somebody measured it at a moment: as a value, or as how many of how many failed."""

    metric: str
    at: datetime
    value: float | None = None
    failed: int = 0
    total: int = 0
    scope: Mapping[str, str] = {}


class SamplesReported(Event, frozen=True):
    """Somebody measured something and told us how it stands."""

    topic: ClassVar[str] = "samples.reported.v1"
    samples: tuple[Sample, ...]


SamplesEvent = SamplesReported
