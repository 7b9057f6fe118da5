"""What the samples of a window come to (contracts/incidents.md 0.6 "alerts", 4.6)."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.alerting.evaluating import Measurement
from domain.alerting.events import Sample
from domain.alerting.measuring import count, measure, percentile, rate, window_before

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WINDOW = window_before(NOW, 15)
MILLISECOND = timedelta(milliseconds=1)


def values(metric: str, *numbers: float) -> list[Sample]:
    return [Sample(metric, NOW, number) for number in numbers]


def measured(metric: str, samples: list[Sample], scope: dict[str, str] | None = None) -> Any:
    return measure(metric, samples, WINDOW, scope or {})


def test_a_window_has_both_of_its_ends_and_nothing_beyond_them() -> None:
    edges = (WINDOW.since - MILLISECOND, WINDOW.since, NOW, NOW + MILLISECOND)
    found = [measured("latency_ms", [Sample("latency_ms", at, 1.0)]) for at in edges]
    assert [one is not None for one in found] == [False, True, True, False]
    assert timedelta(minutes=15) == WINDOW.until - WINDOW.since


def test_shares_are_added_up_before_they_are_divided() -> None:
    samples = [Sample("error_rate", NOW, failed=1, total=1), Sample("error_rate", NOW, failed=6, total=99)]
    assert measured("error_rate", samples) == Measurement(7.0, 100)


def test_shares_of_nothing_are_no_measurement() -> None:
    assert measured("error_rate", [Sample("error_rate", NOW)]) is None


def test_where_there_are_shares_single_values_are_left_out() -> None:
    samples = [Sample("error_rate", NOW, failed=1, total=4), Sample("error_rate", NOW, 90.0)]
    assert measured("error_rate", samples) == Measurement(25.0, 4)


@pytest.mark.parametrize(
    "metric",
    [
        "job_count",
        "total_cost",
        "rag_total_queries",
        "call_cost",
        "rag_failed_documents",
        "slow_queries",
        "open_requests",
    ],
)
def test_counts_and_costs_are_added_up(metric: str) -> None:
    assert measured(metric, values(metric, 0.1, 0.2, 0.3)) == Measurement(0.6, 3)


@pytest.mark.parametrize("metric", ["gpu_cache_usage", "error_rate", "counts", "totals", "subtotal_ms"])
def test_of_everything_else_the_mean_is_taken(metric: str) -> None:
    assert measured(metric, values(metric, 1.0, 2.0, 6.0)) == Measurement(3.0, 3)


@pytest.mark.parametrize(
    ("numbers", "found"),
    [((7.0,), 7.0), (tuple(range(1, 20)), 19), (tuple(range(1, 21)), 20), (tuple(range(1, 101)), 96)],
)
def test_a_percentile_is_the_value_at_95_hundredths_of_the_number(numbers: tuple[float, ...], found: float) -> None:
    shuffled = random.Random(1).sample(numbers, len(numbers))
    assert measured("p95_count", values("p95_count", *shuffled)) == Measurement(found, len(numbers))
    assert percentile(dict.fromkeys(shuffled, 1)) == Measurement(found, len(numbers))


def test_a_percentile_of_values_that_came_often_is_that_of_the_same_values_one_by_one() -> None:
    often = {250.0: 18, 1.0: 1, 900.0: 1, 600.0: 1}
    one_by_one = values("p95_ms", *(value for value, times in often.items() for _ in range(times)))
    assert percentile(often) == measured("p95_ms", one_by_one) == Measurement(600.0, 21)
    assert percentile({}) is None


def test_a_rule_sees_samples_whose_scope_has_all_of_its_pairs() -> None:
    scopes: list[dict[str, str]] = [{}, {"m": "a"}, {"m": "a", "s": "1"}, {"m": "b", "s": "1"}]
    samples = [Sample("latency_ms", NOW, 10.0**n, scope=scope) for n, scope in enumerate(scopes)]
    found = [measured("latency_ms", samples, scope).sample_count for scope in ({}, {"m": "a"}, {"m": "a", "s": "1"})]
    assert found == [4, 2, 1]
    assert measured("latency_ms", samples, {"m": "c"}) is None


def test_samples_of_other_metrics_do_not_count() -> None:
    assert measured("latency_ms", values("p95_latency_ms", 1.0)) is None


def test_the_order_of_samples_makes_no_difference() -> None:
    numbers = [0.1 * n for n in range(1000)] + [1e15, -1e15]
    chance = random.Random(3)
    found = {measured("total_cost", values("total_cost", *chance.sample(numbers, len(numbers)))) for _ in range(20)}
    assert len(found) == 1


def test_a_count_of_nothing_is_a_value_and_a_rate_of_nothing_is_none() -> None:
    assert count(0) == Measurement(0.0, 0)
    assert rate(0, 0) is None
    assert rate(0, 3) == Measurement(0.0, 3)
