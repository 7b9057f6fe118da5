"""When a value breaks a rule, and how badly: the table of contracts/incidents.md 4.5, completed by 0.5 and 0.6."""

from typing import Any

import msgspec
import pytest

from domain.alerting.evaluating import Measurement, evaluate, message_of, title_of
from domain.alerting.events import Terms
from domain.alerting.metrics import Operator

CRITICAL, WARNING, INFO = 4, 3, 1

TERMS = Terms(
    name="Errors of models",
    module="custom",
    metric="latency_ms",
    operator="gt",
    threshold=5.0,
    window_minutes=5,
    cooldown_minutes=60,
    channels="[]",
)


def rule(**given: Any) -> Terms:
    return msgspec.structs.replace(TERMS, **given)


def severity(metric: str, operator: Operator, threshold: float, actual: float) -> int | None:
    breach = evaluate(rule(metric=metric, operator=operator, threshold=threshold), Measurement(actual, 7))
    return None if breach is None else breach.severity


@pytest.mark.parametrize(
    ("operator", "broken_by"),
    [("gt", {10.001}), ("gte", {10.0, 10.001}), ("lt", {9.999}), ("lte", {9.999, 10.0}), ("eq", {10.0})],
)
def test_a_value_is_compared_with_the_threshold(operator: Operator, broken_by: set[float]) -> None:
    terms = rule(operator=operator, threshold=10.0)
    assert {value for value in (9.999, 10.0, 10.001) if evaluate(terms, Measurement(value, 1))} == broken_by


def test_without_a_measurement_nothing_is_broken() -> None:
    assert evaluate(rule(operator="lt"), None) is None


@pytest.mark.parametrize("metric", ["error_rate", "model_usage_error_rate", "guardrail_fail_rate", "mcp_error_rate"])
@pytest.mark.parametrize(
    ("actual", "rank"), [(5.01, WARNING), (7.5, WARNING), (9.99, WARNING), (10.0, CRITICAL), (12.3, CRITICAL)]
)
def test_a_rate_of_errors_is_critical_from_twice_the_threshold_and_else_a_warning(
    metric: str, actual: float, rank: int
) -> None:
    assert severity(metric, "gt", 5.0, actual) == rank


@pytest.mark.parametrize("metric", ["latency_ms", "analysis_pass_rate", "error_rate_of_all", "job_backlog_count"])
@pytest.mark.parametrize(
    ("actual", "rank"),
    [(5.01, INFO), (7.49, INFO), (7.5, WARNING), (14.99, WARNING), (15.0, CRITICAL), (1e15, CRITICAL)],
)
def test_any_other_metric_is_a_warning_from_one_and_a_half_times_and_critical_from_three(
    metric: str, actual: float, rank: int
) -> None:
    assert severity(metric, "gt", 5.0, actual) == rank


@pytest.mark.parametrize("operator", ["lt", "lte"])
@pytest.mark.parametrize(
    ("actual", "rank"), [(89.0, INFO), (60.0, WARNING), (30.5, WARNING), (30.0, CRITICAL), (0.0, CRITICAL)]
)
def test_looking_down_the_ratio_is_how_often_the_value_goes_into_the_threshold(
    operator: Operator, actual: float, rank: int
) -> None:
    assert severity("analysis_pass_rate", operator, 90.0, actual) == rank


def test_looking_down_on_a_rate_of_errors_takes_its_row_of_the_table() -> None:
    assert severity("mcp_error_rate", "lt", 10.0, 6.0) == WARNING
    assert severity("mcp_error_rate", "lt", 10.0, 5.0) == CRITICAL


@pytest.mark.parametrize("operator", ["gt", "gte"])
def test_a_threshold_of_zero_is_a_ratio_of_one(operator: Operator) -> None:
    assert severity("latency_ms", operator, 0.0, 1_000.0) == INFO
    assert severity("error_rate", operator, 0.0, 1_000.0) == WARNING


def test_a_threshold_of_zero_that_is_not_undercut_by_zero_is_a_ratio_of_one() -> None:
    assert severity("latency_ms", "lte", 0.0, 0.0) == INFO
    assert severity("latency_ms", "lt", 0.0, -5.0) == INFO


@pytest.mark.parametrize(
    ("operator", "threshold", "actual", "rank"),
    [
        ("gt", -10.0, -6.0, INFO),  # 1 + 4 / 10
        ("gt", -10.0, -5.0, WARNING),  # 1 + 5 / 10
        ("gt", -10.0, 10.0, CRITICAL),  # 1 + 20 / 10
        ("gt", -0.5, 0.4, WARNING),  # 1 + 0.9 / 1: never divided by less than 1
        ("gt", -0.5, 1.5, CRITICAL),
        ("lt", 10.0, -5.0, WARNING),  # 1 + 15 / 10
        ("lt", -10.0, -14.0, INFO),
        ("lt", -10.0, -30.0, CRITICAL),
        ("eq", -10.0, -10.0, INFO),
        ("eq", 10.0, 10.0, INFO),
    ],
)
def test_where_one_of_both_is_not_above_zero_the_distance_counts(
    operator: Operator, threshold: float, actual: float, rank: int
) -> None:
    assert severity("latency_ms", operator, threshold, actual) == rank


def test_a_breach_says_what_was_measured() -> None:
    breach = evaluate(rule(metric="mcp_error_rate"), Measurement(12.3, 1000))
    assert breach is not None
    assert breach.measurement == (12.3, 1000)


@pytest.mark.parametrize(
    ("threshold", "actual", "title", "message"),
    [
        (5.0, 12.3, "Errors of models: latency_ms gt 5", "latency_ms was 12.3 (gt 5)"),
        (0.25, 1e15, "Errors of models: latency_ms gt 0.25", "latency_ms was 1000000000000000 (gt 0.25)"),
        (-0.0, 1.0, "Errors of models: latency_ms gt 0", "latency_ms was 1 (gt 0)"),
    ],
)
def test_an_incident_is_named_for_the_rule_and_says_what_the_value_was(
    threshold: float, actual: float, title: str, message: str
) -> None:
    terms = rule(threshold=threshold)
    assert (title_of(terms), message_of(terms, actual)) == (title, message)
