"""What a node looks up when Prometheus asks: its connections, and the incidents that people have to work on."""

from collections.abc import Sequence
from importlib.metadata import version

from prometheus_client import Gauge

from infra.following.standing import Standing
from infra.postgres import Pools
from projections.incident_list.projector import READ_MODEL as INCIDENTS
from projections.incident_list.queries import unresolved_by_severity

#: By severity rank, from the least (contracts/incidents.md 0.2).
SEVERITIES = ("info", "low", "medium", "high", "critical")

BUILD = Gauge("annals_build_info", "1, for the version that runs.", ["version"])
BUILD.labels(version("annals")).set(1)
CONNECTIONS = Gauge(
    "annals_database_connections",
    "Connections of this process to the database, by pool: lent or free.",
    ["pool", "state"],
)
DATABASE_UP = Gauge("annals_database_up", "1 while the database answers this process.")
UNRESOLVED = Gauge(
    "annals_unresolved_incidents", "Incidents of all tenants that nobody has resolved yet.", ["severity"]
)


def measure_connections(pools: Pools, *, database_up: bool) -> None:
    DATABASE_UP.set(database_up)
    for name in pools.__struct_fields__:
        pool = getattr(pools, name)
        CONNECTIONS.labels(name, "lent").set(pool.lent)
        CONNECTIONS.labels(name, "free").set(pool.free)


async def measure_incidents(pools: Pools, standings: Sequence[Standing]) -> None:
    """Count unresolved incidents, as far as their read model knows; say nothing where that cannot be known."""
    UNRESOLVED.clear()
    if not any(standing.name == INCIDENTS.name and standing.state in {"live", "failed"} for standing in standings):
        return  # its tables may be of another release
    counts = await unresolved_by_severity(pools.queries)
    for rank, word in enumerate(SEVERITIES):
        UNRESOLVED.labels(word).set(counts.get(rank, 0))
