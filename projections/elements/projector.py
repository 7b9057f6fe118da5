"""Keeps a row for each element of a deployed version, and which of its start events a newer version suspended."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domain.bpmn.graph import START_EVENTS
from domain.event import Recorded
from domain.processes.events import DeployedElement, ProcessDeployed
from projections.database import Database, named_queries
from projections.folding import listed
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
    multi_instance: bool
    event_definition: str | None
    starts: str | None
    suspended: bool = False


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    deployed = [(fact.tenant, fact.event) for fact in facts if isinstance(fact.event, ProcessDeployed)]
    if not deployed:
        return
    latest = {(tenant, event.bpmn_process_id): event.process_id for tenant, event in deployed}
    rows = [_row(tenant, event, element) for tenant, event in deployed for element in event.elements]
    for row in rows:
        row.suspended = row.starts is not None and latest[row.tenant, row.starts] != row.process_id
    await db.execute(SQL["suspend"], *zip(*latest, strict=True))
    await db.execute(SQL["insert"], listed(rows))


def _row(tenant: str, event: ProcessDeployed, element: DeployedElement) -> Row:
    definition = element.definition
    return Row(
        tenant=tenant,
        id=element.id,
        process_id=event.process_id,
        bpmn_element_id=element.bpmn_element_id,
        bpmn_element_type=element.type,
        bpmn_element_name=element.name,
        parent_bpmn_element_id=element.parent,
        multi_instance=element.multi_instance,
        event_definition=None if definition is None else msgspec.json.encode(definition).decode(),
        starts=event.bpmn_process_id if definition is not None and _starts_instances(event, element) else None,
    )


def _starts_instances(event: ProcessDeployed, element: DeployedElement) -> bool:
    """Tell whether it is a start event of the process itself, not one of an event sub-process."""
    return element.type in START_EVENTS and element.parent == event.bpmn_process_id


READ_MODEL = ReadModel(
    name="elements",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("elements",),
    project=project,
    facts=(ProcessDeployed,),
)
