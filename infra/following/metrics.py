"""What the followers of this process tell Prometheus."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from infra.following.standing import Standing

HEAD = Gauge("annals_log_head", "Position of the last fact in the log, as the followers saw it last.")
POSITION = Gauge("annals_read_model_position", "Position of the last fact in the read model's tables.", ["read_model"])
LAG = Gauge("annals_read_model_lag", "Facts between the read model and the head of the log.", ["read_model"])
FAILED = Gauge(
    "annals_read_model_failed", "1 while the read model stands before a fact it cannot apply.", ["read_model"]
)
BATCHES = Counter("annals_follower_batches", "Batches applied, each in one transaction.")
FACTS = Counter("annals_follower_facts", "Facts read for one or more read models.")


def observe(standings: Iterable[Standing]) -> None:
    for standing in standings:
        HEAD.set(standing.head)
        POSITION.labels(standing.name).set(standing.position)
        LAG.labels(standing.name).set(standing.lag)
        FAILED.labels(standing.name).set(standing.state == "failed")
