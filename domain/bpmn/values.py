"""Values of variables as conditions see them."""

from domain.bpmn.conditions import Value
from domain.bpmn.execution import Turn
from domain.bpmn.instance import PROCESS_SCOPE


def visible_values(turn: Turn, element_instance_id: int) -> dict[str, Value]:
    """Return the variables of the instance and of the scopes around an element instance by name; inner ones win."""
    values = turn.around.values(turn)
    scopes = [element.id for element in turn.instance.scopes_of(element_instance_id)]
    visible: dict[str, Value] = {}
    for scope in (PROCESS_SCOPE, *reversed(scopes)):
        visible.update({name: value for (at, name), value in values.items() if at == scope})
    return visible
