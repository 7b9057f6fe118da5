"""What deliveries tell Prometheus; the node that delivers has the figures, the others none."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("annals_delivery_attempts", "Attempts to deliver to webhooks, by what came of them.", ["outcome"])
ATTEMPT_SECONDS = Histogram(
    "annals_delivery_attempt_seconds",
    "Seconds that attempts took.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
ENDED = Counter("annals_deliveries", "Deliveries that came to an end, by state: delivered or failed.", ["state"])
SCHEDULED = Counter("annals_deliveries_scheduled", "Deliveries scheduled, again or for the first time.")
DISABLED = Counter("annals_webhooks_disabled", "Webhooks disabled because of their receivers, by reason.", ["reason"])
BACKLOG = Gauge(
    "annals_deliveries_pending",
    "Deliveries that are to be sent, to webhooks that are not disabled, counted up to 100,000.",
)
OVERDUE = Gauge(
    "annals_deliveries_overdue_seconds",
    "Seconds since the oldest delivery that is due was due, of webhooks that are not disabled.",
)
UNDER_WAY = Gauge("annals_deliveries_under_way", "Attempts that are being made now.")
POSITION = Gauge("annals_delivery_position", "Position up to which the log has been told to webhooks.")
LAG = Gauge("annals_delivery_lag", "Facts between that position and the head of the log.")
STALLED = Gauge("annals_delivery_stalled", "1 while nothing is told because a fact cannot be read.")
REPLAYS_STALLED = Gauge("annals_delivery_replays_stalled", "Replays that stand before a fact that cannot be read.")


def observe_log(position: int, head: int, *, stalled: bool) -> None:
    POSITION.set(position)
    LAG.set(max(head - position, 0))
    STALLED.set(stalled)


def forget() -> None:
    """Have no figures of what another node looks after by now."""
    for gauge in (BACKLOG, OVERDUE, UNDER_WAY, LAG, STALLED, REPLAYS_STALLED):
        gauge.set(0)
