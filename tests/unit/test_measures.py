"""Our counters and histograms are told in the form that Prometheus' own are."""

import random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from infra.measures import SECONDS, SIZES, Count, Spread


@pytest.mark.parametrize("bounds", [SECONDS, SIZES, (1.0,)])
def test_a_spread_is_told_as_a_histogram_of_prometheus_is(bounds: tuple[float, ...]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = Spread("taken_seconds", "How long.", ["route"], bounds, ours)
    histogram = Histogram("taken_seconds", "How long.", ["route"], buckets=bounds, registry=theirs)
    chance = random.Random(7)
    for _ in range(500):
        route, value = chance.choice("ab"), chance.choice([0.0, *bounds, chance.random() * 20_000, chance.random()])
        spread.add(value, (route,))
        histogram.labels(route).observe(value)
    assert told(ours) == told(theirs)


def test_a_count_is_told_as_a_counter_of_prometheus_is() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    count = Count("things", "How many.", ["kind", "end"], ours)
    counter = Counter("things", "How many.", ["kind", "end"], registry=theirs)
    for kind, end, number in [("a", "x", 1), ("b", "x", 3), ("a", "x", 2), ('quo"te', "new\nline", 1)]:
        count.add((kind, end), number)
        counter.labels(kind, end).inc(number)
    assert told(ours) == told(theirs)


def test_without_labels_there_is_a_zero_from_the_beginning() -> None:
    registry = CollectorRegistry()
    Count("things", "How many.", registry=registry)
    Spread("sizes", "How large.", bounds=(1.0,), registry=registry)
    assert told(registry) == {
        ("things_total", ()): 0,
        ("sizes_bucket", (("le", "1.0"),)): 0,
        ("sizes_bucket", (("le", "+Inf"),)): 0,
        ("sizes_count", ()): 0,
        ("sizes_sum", ()): 0,
    }


def told(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], Any]:
    """Return all samples but for those that say when a series began."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): pytest.approx(sample.value)
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
