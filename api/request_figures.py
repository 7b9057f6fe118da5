"""How many requests there were, and how long they took, for Prometheus."""

from collections.abc import Callable

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

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

#: By the first digit of a status; none, where nothing was answered.
_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")

_adders: dict[tuple[str | None, str, int], Callable[[float], None]] = {}


def adder_of(template: str | None, method: str, status: int) -> Callable[[float], None]:
    """Return what counts the seconds of requests to a route that are answered so (0: not at all).

    It is kept, but for methods that are none of ours: of these there may be any number.
    """
    adder = _adders.get((template, method, status))
    if adder is None:
        known = method in METHODS
        adder = SECONDS.adder((template or "none", method if known else "other", _CLASSES[status // 100]))
        if known:
            _adders[template, method, status] = adder
    return adder
