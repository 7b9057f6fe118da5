"""Writes a row for each element of a deployed version."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.folding import columns
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row, in the order of the table."""

    tenant: str
    id: int
    process_id: int
    bpmn_element_id: str
    bpmn_element_type: str
    bpmn_element_name: str
    parent_bpmn_element_id: str


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    rows = [row for fact in facts if isinstance(fact.event, ProcessDeployed) for row in _rows(fact, fact.event)]
    if rows:
        await db.execute(SQL["insert"], *columns(rows))


def _rows(fact: Recorded, event: ProcessDeployed) -> list[Row]:
    return [
        Row(
            tenant=fact.tenant,
            id=element.id,
            process_id=event.process_id,
            bpmn_element_id=element.bpmn_element_id,
            bpmn_element_type=element.type,
            bpmn_element_name=element.name,
            parent_bpmn_element_id=element.parent,
        )
        for element in event.elements
    ]


READ_MODEL = ReadModel(
    name="elements",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("elements",),
    project=project,
    facts=(ProcessDeployed,),
)
