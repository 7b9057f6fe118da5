"""What engine clients ask about variables (contracts/engine.md 2.15)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from domain.identity import InstanceId
from domain.rejection import InvalidInput
from domain.timestamps import rfc3339
from projections.conditions import equal, led_by, one_of, rows_of
from projections.criteria import Page, VariableCriteria
from projections.database import Database, named_queries
from projections.views import Variable

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: The scope of the variables of the process instance itself; element instances are scopes by their id.
PROCESS_SCOPE = 0

#: Bytes of values in one answer.
MOST_BYTES = 67_108_864


class StoredVariable(NamedTuple):
    """A variable of a scope with its value as the log keeps it: still encrypted where it is.

    ``sealed_for`` names the message or signal that a ciphertext came with; empty, it was encrypted for this scope.
    """

    name: str
    scope: int
    encoding: str
    encrypted: bool
    value: str
    sealed_for: str


async def find_variables(db: Database, tenant: str, criteria: VariableCriteria, page: Page) -> list[Variable]:
    """Return the variables that meet the criteria, by partition and id, without their values."""
    conditions = [
        *equal(partition=criteria.partition),
        *led_by(element_instance_id=criteria.element_instance_id, process_instance_id=criteria.process_instance_id),
        *one_of("name", criteria.names),
    ]
    return [_variable(row) for row in await rows_of(db, SQL["variables"], tenant, conditions, page)]


async def find_values(
    db: Database, tenant: str, instance: InstanceId, scopes: Sequence[int], names: Sequence[str] = ()
) -> list[StoredVariable]:
    """Return the variables of these scopes of an instance, by name: all of them, or those of these names.

    Raise ``InvalidInput`` when the values are too much for one answer.
    """
    return await _stored(db, tenant, instance, scopes, names)


async def values_of(db: Database, tenant: str, instance: InstanceId) -> list[StoredVariable]:
    """Return the variables of all scopes of an instance, by name; raise ``InvalidInput`` as ``find_values`` does."""
    return await _stored(db, tenant, instance, None, ())


async def _stored(
    db: Database, tenant: str, instance: InstanceId, scopes: Sequence[int] | None, names: Sequence[str]
) -> list[StoredVariable]:
    rows = await db.fetch(SQL["values"], tenant, instance.partition, instance.id, scopes, names, MOST_BYTES)
    if rows and rows[0]["bytes"] > MOST_BYTES:
        detail = f"their values come to {rows[0]['bytes']} bytes, more than {MOST_BYTES}: ask for some of them by name"
        raise InvalidInput("failed to get variables", detail)
    return [
        StoredVariable(
            name=row["name"],
            scope=row["element_instance_id"],
            encoding=row["encoding"],
            encrypted=row["encrypted"],
            value=row["value"],
            sealed_for=row["sealed_for"],
        )
        for row in rows
    ]


def _variable(row: Mapping[str, Any]) -> Variable:
    return Variable(
        partition=row["partition"],
        id=row["id"],
        element_id=row["element_id"],
        element_instance_id=row["element_instance_id"],
        process_id=row["process_id"],
        process_instance_id=row["process_instance_id"],
        created_at=rfc3339(row["created_at"]),
        created_by=row["created_by"],
        encoding=row["encoding"],
        encrypted=row["encrypted"],
        name=row["name"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
    )
