"""Moves of random histories: alert rules are made, changed, fired and deleted, and samples come in."""

from collections.abc import Callable
from datetime import timedelta

from domain.alerting.events import (
    RuleChanged,
    RuleCreated,
    RuleDeleted,
    RuleDisabled,
    RuleEnabled,
    RuleEvaluationFailed,
    RuleEvaluationRecovered,
    RuleFired,
    Sample,
    SamplesReported,
    Terms,
)
from domain.alerting.metrics import OPERATORS, WINDOWS
from domain.event import Event
from domain.identity import rule_stream, samples_stream
from tests.integration.projection_runs import Chronicle, Watched

METRICS = ("error_rate", "p95_latency_ms", "total_cost", "gpu_cache_usage")
SCOPES: tuple[dict[str, str], ...] = ({}, {"modelKey": "large"}, {"modelKey": "large", "region": 'a "b" ü'})
CHANNELS = ("[]", '[{"type":"email","recipients":["mara@example.org"]}]')


def create_rule(log: Chronicle, tenant: str) -> None:
    rule = Watched(rule_stream(f"R{log.number('rule'):025d}"), tenant)
    log.record(rule.stream, tenant, RuleCreated(_terms(log), enabled=log.chance.random() < 0.9))
    log.rules.append(rule)


def see_to_rule(log: Chronicle, tenant: str) -> None:
    rules = [rule for rule in log.rules if rule.tenant == tenant]
    if not rules:
        create_rule(log, tenant)
        return
    rule = log.chance.choice(rules)
    event = log.chance.choice(EVENTS)(log)
    if isinstance(event, RuleDeleted):
        log.rules.remove(rule)
    log.record(rule.stream, tenant, event)


def report_samples(log: Chronicle, tenant: str) -> None:
    """Send some samples, of times that lie on the edges of what is taken, or between them."""
    samples = tuple(_sample(log) for _ in range(log.chance.randint(1, 4)))
    log.record(samples_stream(f"S{log.number('samples'):025d}"), tenant, SamplesReported(samples))


def _sample(log: Chronicle) -> Sample:
    metric, scope = log.chance.choice(METRICS), log.chance.choice(SCOPES)
    at = log.now + timedelta(minutes=log.chance.choice((-61, -30, -5, 0, 0, 0, 1)))
    if metric == "error_rate" and log.chance.random() < 0.7:
        total = log.chance.choice((0, 1, 7, 1000))
        return Sample(metric, at, failed=log.chance.randint(0, total), total=total, scope=scope)
    return Sample(metric, at, log.chance.choice((0.0, -1.5, 0.1, 812.25, 1e15)), scope=scope)


def _terms(log: Chronicle) -> Terms:
    pick = log.chance.choice
    return Terms(
        name=pick(("Errors", 'a "b"', "ü")),
        description=pick(("", "of two\nlines")),
        module="custom",
        metric=pick(METRICS),
        operator=pick(OPERATORS),
        threshold=pick((0.0, -0.1, 5.0, 1e15)),
        window_minutes=pick(WINDOWS),
        cooldown_minutes=pick((0, 60, 10_080)),
        scope=pick(SCOPES),
        channels=pick(CHANNELS),
    )


EVENTS: tuple[Callable[[Chronicle], Event], ...] = (
    lambda log: RuleChanged(_terms(log)),
    lambda _: RuleEnabled(),
    lambda _: RuleDisabled(),
    lambda log: RuleFired(f"I{log.number('fired'):025d}", 12.3, 204),
    lambda _: RuleEvaluationFailed("its metric could not be measured (TimeoutError)"),
    lambda _: RuleEvaluationRecovered(),
    lambda _: RuleDeleted(),
)

ALERT_MOVES: tuple[Callable[[Chronicle, str], None], ...] = (
    *(create_rule,) * 2,
    *(see_to_rule,) * 6,
    *(report_samples,) * 6,
)
