"""What the evaluation of alert rules asks about samples."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.alerting.events import Sample
from domain.alerting.measuring import Window
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: Samples that are put together at once: more would keep a node from its other work.
MOST_SAMPLES = 200_000


class TooManySamples(Exception):
    """A metric has more samples in a window than can be put together."""


async def samples_of(db: Database, tenant: str, metric: str, window: Window, scope: Mapping[str, str]) -> list[Sample]:
    """Return the samples of a metric in a window that have all pairs of the scope."""
    narrowed = msgspec.json.encode(scope).decode()
    rows = await db.fetch(SQL["samples"], tenant, metric, *window, narrowed, MOST_SAMPLES + 1)
    if len(rows) > MOST_SAMPLES:
        raise TooManySamples(f"more than {MOST_SAMPLES} samples")
    decode = msgspec.json.Decoder(dict[str, str]).decode
    return [Sample(name, at, value, failed, total, decode(of)) for name, at, value, failed, total, of in rows]
