"""The variables of a scope with their values, decrypted (contracts/engine.md 2.15)."""

from collections.abc import Sequence

from api.engine.ports import Engine
from commands.intents import EntityId
from commands.turns import associated_data
from domain.identity import InstanceId
from domain.rejection import NotFound
from projections.criteria import Page, ProcessInstanceCriteria
from projections.element_instances.queries import find_scopes
from projections.process_instances.queries import find_process_instances
from projections.variables.queries import PROCESS_SCOPE, StoredVariable, find_values
from projections.views import Data, ElementVariable, ProcessVariable


async def process_variables(
    engine: Engine, tenant: str, instance: InstanceId, names: Sequence[str]
) -> list[ProcessVariable]:
    """Return the variables of an instance by name: all, or those of these names."""
    criteria = ProcessInstanceCriteria(partition=instance.partition, id=instance.id)
    if not await find_process_instances(engine.database, tenant, criteria, Page(limit=1)):
        raise NotFound("failed to get process variables", f"process instance {instance} could not be found")
    stored = await find_values(engine.database, tenant, instance, [PROCESS_SCOPE], names)
    return [ProcessVariable(name=value.name, data=_data(engine, tenant, instance, value)) for value in stored]


async def element_variables(
    engine: Engine, tenant: str, target: EntityId, names: Sequence[str], *, alone: bool
) -> list[ElementVariable]:
    """Return the variables of an element instance, by name and element; unless ``alone``, of its scopes too."""
    scopes = await find_scopes(engine.database, tenant, target.partition, target.id)
    if not scopes:
        raise NotFound("failed to get element variables", f"element instance {target} could not be found")
    elements = {scope.element_instance_id: scope.bpmn_element_id for scope in (scopes[:1] if alone else scopes)}
    instance = InstanceId(target.partition, scopes[0].process_instance_id)
    stored = await find_values(engine.database, tenant, instance, list(elements), names)
    found = [
        ElementVariable(
            bpmn_element_id=elements[value.scope], name=value.name, data=_data(engine, tenant, instance, value)
        )
        for value in stored
    ]
    return sorted(found, key=lambda variable: (variable.name, variable.bpmn_element_id))


def _data(engine: Engine, tenant: str, instance: InstanceId, stored: StoredVariable) -> Data:
    value = stored.value
    if stored.encrypted:
        place = associated_data(tenant, instance, stored.scope, stored.name, stored.sealed_for)
        value = engine.cipher.decrypt(value, place)
    return Data(encoding=stored.encoding, encrypted=stored.encrypted, value=value)
