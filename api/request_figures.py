"""How many requests there were, and how long they took, for Prometheus."""

from prometheus_client import Gauge

from infra.measures import Numbers, Spread

OPEN = Gauge("annals_http_open_requests", "Requests that are being answered, streams among them.")

SECONDS = Spread(
    "annals_http_request_seconds",
    "Seconds from a request to the beginning of its answer; that of requests that wait for news includes the wait.",
    ["route", "method", "status"],
)

Numbers(
    "annals_http_requests",
    "Requests answered, by the template of their route (none: no such route), method, and class of status (none: no"
    " answer).",
    SECONDS,
)
