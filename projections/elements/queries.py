"""What engine clients ask about the elements of processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from domain.bpmn import graph
from domain.bpmn.graph import ElementType
from projections.conditions import equal, rows_of
from projections.criteria import ElementCriteria, Page
from projections.database import Database, named_queries
from projections.definitions import definition_view
from projections.views import Element, EventDefinition

SQL = named_queries(Path(__file__).with_name("queries.sql"))

_definition = msgspec.json.Decoder(graph.EventDefinition)


async def find_elements(db: Database, tenant: str, criteria: ElementCriteria, page: Page) -> list[Element]:
    """Return the elements that meet the criteria, by id: a process first, then its descendants breadth-first."""
    conditions = equal(process_id=criteria.process_id, bpmn_element_id=criteria.bpmn_element_id)
    return [_element(row) for row in await rows_of(db, SQL["elements"], tenant, conditions, page)]


def _element(row: Mapping[str, Any]) -> Element:
    return Element(
        id=row["id"],
        process_id=row["process_id"],
        bpmn_element_id=row["bpmn_element_id"],
        bpmn_element_name=row["bpmn_element_name"],
        bpmn_element_type=ElementType(row["bpmn_element_type"]),
        multi_instance=row["multi_instance"],
        parent_bpmn_element_id=row["parent_bpmn_element_id"],
        event_definition=_event_definition(row),
    )


def _event_definition(row: Mapping[str, Any]) -> EventDefinition | None:
    if row["event_definition"] is None:
        return None
    return definition_view(_definition.decode(row["event_definition"]), suspended=row["suspended"])
