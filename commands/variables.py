"""Setting and deleting variables."""

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.intents import ElementVariable, EntityId, Intent, ProcessVariable
from commands.turns import begun, decided, element_changes, process_changes, require_running
from domain.bpmn import engine
from domain.identity import InstanceId
from domain.rejection import InvalidState, NotFound


class SetProcessVariables(Intent, frozen=True):
    """Set or delete variables of a process instance (operation ``setProcessVariables``)."""

    worker_id: str = ""
    variables: tuple[ProcessVariable, ...] = ()


class SetElementVariables(Intent, frozen=True):
    """Set or delete variables of an element instance or its scopes (operation ``setElementVariables``)."""

    worker_id: str = ""
    variables: tuple[ElementVariable, ...] = ()


SET_PROCESS = "failed to set process variables"
SET_ELEMENT = "failed to set element variables"


async def gather_set_process(_command: SetProcessVariables, target: InstanceId, context: Context, desk: Desk) -> Held:
    """Hold the instance."""
    instance = await desk.instance(target, context.tenant)
    if instance is None:
        raise NotFound(SET_PROCESS, f"process instance {target} could not be found")
    require_running(instance, SET_PROCESS)
    return await desk.held(instance)


def decide_set_process(command: SetProcessVariables, _target: InstanceId, held: Held, context: Context) -> Decision:
    """Set and delete variables of the instance."""
    unit, turn = begun(held, context)
    engine.change_variables(turn, process_changes(command.variables, held.instance.identity, context))
    return decided(unit)


async def gather_set_element(_command: SetElementVariables, target: EntityId, context: Context, desk: Desk) -> Held:
    """Hold the instance of the element instance."""
    identity = await desk.lookups.element_instance(context.tenant, target)
    instance = await desk.instance(identity, context.tenant) if identity is not None else None
    if instance is None:
        raise NotFound(SET_ELEMENT, f"element instance {target} could not be found")
    require_running(instance, SET_ELEMENT)
    if target.id not in instance.elements:
        raise InvalidState(SET_ELEMENT, f"element instance {target} is ended")
    return await desk.held(instance)


def decide_set_element(command: SetElementVariables, target: EntityId, held: Held, context: Context) -> Decision:
    """Set and delete variables of the element instance or of the scopes around it."""
    unit, turn = begun(held, context)
    engine.change_variables(turn, element_changes(command.variables, held.instance, target.id, context))
    return decided(unit)
