"""Whether Redis does its part, for Prometheus; there is nothing to tell where none is configured."""

from prometheus_client import Gauge

UP = Gauge("annals_redis_up", "1 while Redis does its part, 0 while this node does without, by its use.", ["use"])
