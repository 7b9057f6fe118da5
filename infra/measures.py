"""Counters and histograms for what happens thousands of times a second, and is asked about a few times a minute.

Prometheus' own take a lock and look a child up at each step, 1 to 3 microseconds; these take a fifth of that, and
``Spread.adder`` a tenth. They are for the one thread that runs the event loop. What is rare may as well use
Prometheus' own.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

#: Upper bounds in seconds: of what a client waits for, and of what work waits for.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)

#: Upper bounds of numbers of things in one go.
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0)


class Count(Collector):
    """How often something happened, by labels; ``name`` is without the ``_total`` that is added when it is told."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str] = (), registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._name = name
        self._documentation = documentation
        self.label_names = labels
        self._counts: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        registry.register(self)

    def add(self, labels: tuple[str, ...] = (), number: int = 1) -> None:
        """Count so many more; ``labels`` are values in the order of the names, each from a bounded set."""
        counts = self._counts
        counts[labels] = counts.get(labels, 0) + number

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self.label_names)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Spread(Collector):
    """How values spread over buckets, by labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = SECONDS,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self.label_names = labels
        self._bounds = tuple(bounds)
        self._texts = [*map(str, self._bounds), "+Inf"]
        #: By labels: a number for each bucket, and the sum of all values at the end.
        self._series: dict[tuple[str, ...], list[float]] = {}
        self._adders: dict[tuple[str, ...], Callable[[float], None]] = {}
        if not labels:
            self._begun(())
        registry.register(self)

    def add(self, value: float, labels: tuple[str, ...] = ()) -> None:
        """Count a value in; ``labels`` are values in the order of the names, each from a bounded set."""
        (self._adders.get(labels) or self.adder(labels))(value)

    def adder(self, labels: tuple[str, ...] = ()) -> Callable[[float], None]:
        """Return what counts values in under these labels, for who keeps it and looks them up once."""
        return self._adders.get(labels) or self._begun(labels)

    def numbers(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the number of values that were counted in, by labels."""
        for labels, series in self._series.items():
            yield labels, sum(series[:-1])

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self.label_names)
        for labels, series in self._series.items():
            so_far, buckets = 0.0, []
            for text, count in zip(self._texts, series, strict=False):
                so_far += count
                buckets.append((text, so_far))
            family.add_metric(labels, buckets, series[-1])
        yield family

    def _begun(self, labels: tuple[str, ...]) -> Callable[[float], None]:
        bounds, series = self._bounds, [0.0] * (len(self._bounds) + 2)

        def add(value: float) -> None:
            series[bisect_left(bounds, value)] += 1
            series[-1] += value

        self._series[labels], self._adders[labels] = series, add
        return add


class Numbers(Collector):
    """How often something happened, where its times are kept anyway: one look-up counts both."""

    def __init__(self, name: str, documentation: str, spread: Spread, registry: CollectorRegistry = REGISTRY) -> None:
        self._name = name
        self._documentation = documentation
        self._spread = spread
        self.label_names = spread.label_names
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self.label_names)
        for labels, number in self._spread.numbers():
            family.add_metric(labels, number)
        yield family
