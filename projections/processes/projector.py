"""Writes a row for each deployed version."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.processes.events import ProcessDeployed
from projections.conditions import tags_column
from projections.database import Database, named_queries
from projections.folding import listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row, in the order of the table."""

    tenant: str
    id: int
    bpmn_process_id: str
    version: str
    created_at: datetime
    created_by: str
    tags: Mapping[str, str] | None
    parallelism: int
    bpmn_collaboration_id: str
    bpmn_participant_id: str
    bpmn_participant_name: str
    xml: str


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    rows = [_row(fact, fact.event) for fact in facts if isinstance(fact.event, ProcessDeployed)]
    if rows:
        await db.execute(SQL["insert"], listed(rows))


def _row(fact: Recorded, event: ProcessDeployed) -> Row:
    return Row(
        tenant=fact.tenant,
        id=event.process_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        tags=tags_column(event.tags),
        parallelism=event.parallelism,
        bpmn_collaboration_id=event.collaboration_id,
        bpmn_participant_id=event.participant_id,
        bpmn_participant_name=event.participant_name,
        xml=event.xml,
    )


READ_MODEL = ReadModel(
    name="processes",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("processes",),
    project=project,
    facts=(ProcessDeployed,),
)
