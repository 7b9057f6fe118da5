"""Keeps the samples of the last hour."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from domain.alerting.events import SamplesReported
from domain.event import Recorded
from projections.database import Database, named_queries
from projections.folding import listed
from projections.last_hour import kept_since
from projections.read_model import ReadModel
from projections.time_spans import moment_of

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A sample, in the order of the table."""

    tenant: str
    metric: str
    at: datetime
    position: int
    number: int
    value: float | None
    failed: int
    total: int
    scope: Mapping[str, str]


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    before = await db.fetchval(SQL["since"]) or 0
    since = kept_since(facts, READ_MODEL.facts, before)
    if since > before:
        await db.execute(SQL["keep"], since)
        await db.execute(SQL["drop"], moment_of(since))
    rows = [row for row in _rows(facts) if row.at >= moment_of(since)]
    if rows:
        await db.execute(SQL["insert"], listed(rows))


def _rows(facts: Sequence[Recorded]) -> Iterator[Row]:
    for fact in facts:
        samples = fact.event.samples if isinstance(fact.event, SamplesReported) else ()
        for number, sample in enumerate(samples):
            told = (sample.value, sample.failed, sample.total, sample.scope)
            yield Row(fact.tenant, sample.metric, sample.at, fact.position, number, *told)


READ_MODEL = ReadModel(
    name="alert_samples",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("alert_samples", "alert_samples_kept"),
    project=project,
    facts=(SamplesReported,),
)
