"""What the evaluation of alert rules asks about samples."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.alerting.evaluating import Measurement
from domain.alerting.measuring import Window, is_percentile, rate, together
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: Samples that are put together at once: more would keep the database from its other work.
MOST_SAMPLES = 200_000


class TooManySamples(Exception):
    """A metric has more samples in a window than can be put together."""


async def measured_samples(
    db: Database, tenant: str, metric: str, window: Window, scope: Mapping[str, str]
) -> Measurement | None:
    """Return what ``domain.alerting.measuring.measure`` makes of all samples of a tenant.

    Whatever comes out the same there is left to the database: sums of whole numbers, and the pick of a percentile. Sums
    of values are not, since the database rounds each of their steps; the bare values are added up here.
    """
    question = SQL["gathered"].replace("/* values */", SQL["percentile" if is_percentile(metric) else "all_values"])
    narrowed = msgspec.json.encode(scope).decode()
    row = await db.fetchrow(question, tenant, metric, *window, narrowed, MOST_SAMPLES + 1)
    if row["samples"] > MOST_SAMPLES:
        raise TooManySamples(f"more than {MOST_SAMPLES} samples")
    if row["shares"]:
        return rate(row["failed"], row["total"])
    if not row["samples"]:
        return None
    if is_percentile(metric):
        return Measurement(row["values"], row["samples"])
    return together(metric, row["values"])
