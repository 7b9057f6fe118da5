"""Values of variables as conditions see them, and what the conditions come to (BPMN 2.0, 13.4.2 and 13.4.3).

A condition sees the variables of the instance and of the scopes around it, those that changed in the same turn too.
"""

from collections.abc import Collection, Iterator, Mapping

from domain.bpmn.conditions import ConditionError, Value, evaluate, mentioned, weight
from domain.bpmn.execution import ExecutionError, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import PROCESS_SCOPE

#: Bytes of values that a turn's step pays for: conditions on great values take time too.
BYTES_A_STEP = 100


def decides(gateway: Element) -> bool:
    """Tell whether the engine decides at a gateway: some flow that is not the default has a condition."""
    return any(flow.condition and flow.id != gateway.default for flow in gateway.outgoing)


def open_flows(turn: Turn, gateway: Element, scope_id: int) -> Iterator[str]:
    """Yield the targets of the flows whose conditions hold, in the order of the model.

    Raises ``ExecutionError`` for a condition that has no answer.
    """
    for flow in gateway.outgoing:
        if flow.id != gateway.default and holds(turn, gateway, flow.condition, scope_id, f"sequence flow {flow.id}"):
            yield flow.target


def default_targets(gateway: Element) -> tuple[str, ...]:
    """Return the target of the default flow, where no condition holds; raise ``ExecutionError`` without one."""
    targets = tuple(flow.target for flow in gateway.outgoing if flow.id == gateway.default)
    if not targets:
        raise ExecutionError(f"no condition holds at element {gateway.bpmn_id}, which has no default sequence flow")
    return targets


def holds(
    turn: Turn, element: Element, condition: str, scope_id: int, name: str, beside: Mapping[str, Value] = {}
) -> bool:
    """Tell whether a condition holds in a scope; values ``beside`` the variables win over them.

    Raises ``ExecutionError`` where it cannot be said, or when the turn has weighed too much.
    """
    try:
        values = {**_visible(turn, scope_id, mentioned(condition)), **beside}
        turn.count_step(element, 1 + weight(condition, values) // BYTES_A_STEP)
        return evaluate(condition, values)
    except ConditionError as error:
        raise ExecutionError(f"failed to evaluate condition of {name}: {error}") from error


def _visible(turn: Turn, scope_id: int, names: Collection[str]) -> dict[str, Value]:
    """Return the variables of these names around a scope: of several of a name the innermost counts."""
    known, changed = turn.around.values(turn), turn.values
    scopes = (*(scope.id for scope in turn.instance.scopes_of(scope_id)), PROCESS_SCOPE)
    visible: dict[str, Value] = {}
    for name in names:
        for scope in scopes:
            value = changed[scope, name] if (scope, name) in changed else known.get((scope, name))
            if value is not None:
                visible[name] = value
                break
    return visible
