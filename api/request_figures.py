"""How many requests there were, and how long they took, for Prometheus: one look-up for each request."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Gauge
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.measures import Spread

OPEN = Gauge("annals_http_open_requests", "Requests that are being answered, streams among them.")

SECONDS = Spread(
    "annals_http_request_seconds",
    "Seconds from a request to the beginning of its answer; that of requests that wait for news includes the wait.",
    ["route", "method", "status"],
)


class _Requests(Collector):
    """The number of requests, which is in their seconds already."""

    label_names = SECONDS.label_names

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "annals_http_requests",
            "Requests answered, by the template of their route (none: no such route), method, and class of status"
            " (none: no answer).",
            labels=self.label_names,
        )
        for labels, number in SECONDS.numbers():
            family.add_metric(labels, number)
        yield family


REGISTRY.register(_Requests())
