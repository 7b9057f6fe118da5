"""What engine clients ask about element instances."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from domain.bpmn.events import InstanceState
from domain.bpmn.graph import ElementType
from domain.timestamps import rfc3339
from projections.conditions import Condition, aside, equal, led_by, one_of, rows_of
from projections.criteria import ElementInstanceCriteria, Page
from projections.database import Database, named_queries
from projections.views import ElementInstance

SQL = named_queries(Path(__file__).with_name("queries.sql"))


#: The states of an element instance that has ended.
ENDED = {InstanceState.COMPLETED, InstanceState.TERMINATED, InstanceState.CANCELED}

#: Children belong to the instance of their parent, which an index finds.
CHILD_OF = """parent_id = {0} and (process_instance_id, partition) in
    (select process_instance_id, partition from element_instances where tenant = $1 and id = {0})"""

#: What is open, and then its rows: the offset of 0, and a partition that is tested aside, leave no other order.
OPEN = """(tenant, partition, id) in
    (select tenant, partition, id from element_instances_open where tenant = {} offset 0)"""


class Scope(NamedTuple):
    """An element instance as a scope of variables."""

    element_instance_id: int
    process_instance_id: int
    bpmn_element_id: str


async def find_element_instances(
    db: Database, tenant: str, criteria: ElementInstanceCriteria, page: Page
) -> list[ElementInstance]:
    """Return the element instances that meet the criteria, by partition and id."""
    conditions = [
        *equal(id=criteria.id, bpmn_element_id=criteria.bpmn_element_id),
        *led_by(process_id=criteria.process_id, process_instance_id=criteria.process_instance_id),
        *one_of("state", criteria.states),
    ]
    if criteria.parent_id:
        conditions.append(Condition(CHILD_OF, criteria.parent_id, leads=True))
    if criteria.states and ENDED.isdisjoint(criteria.states):
        conditions += [Condition(OPEN, tenant, leads=True), *aside(partition=criteria.partition)]
    else:
        conditions += equal(partition=criteria.partition)
    return [_element_instance(row) for row in await rows_of(db, SQL["element_instances"], tenant, conditions, page)]


async def find_scopes(db: Database, tenant: str, partition: date, element_instance_id: int) -> list[Scope]:
    """Return an element instance and the scopes around it, outwards to the process; nothing when it is unknown."""
    rows = await db.fetch(SQL["scopes"], tenant, partition, element_instance_id)
    return [Scope(row["id"], row["process_instance_id"], row["bpmn_element_id"]) for row in rows]


def _element_instance(row: Mapping[str, Any]) -> ElementInstance:
    return ElementInstance(
        partition=row["partition"],
        id=row["id"],
        parent_id=row["parent_id"],
        element_id=row["element_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        bpmn_element_id=row["bpmn_element_id"],
        bpmn_element_type=ElementType(row["bpmn_element_type"]),
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        ended_at=row["ended_at"] and rfc3339(row["ended_at"]),
        multi_instance=row["multi_instance"],
        started_at=row["started_at"] and rfc3339(row["started_at"]),
        state=InstanceState(row["state"]),
    )
