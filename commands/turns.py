"""From a command to a turn of the engine and back: what deciding about process instances has in common."""

from collections.abc import Iterable, Iterator

from commands.context import Context, Decision
from commands.desk import Held
from commands.intents import ElementVariable, ProcessVariable, Tag
from domain.bpmn.elements import ELEMENTS
from domain.bpmn.engine import VariableChange
from domain.bpmn.execution import Turn
from domain.bpmn.instance import PROCESS_SCOPE, Instance
from domain.event import Append
from domain.identity import InstanceId, incident_stream
from domain.incidents.events import IncidentCanceled
from domain.rejection import InvalidInput, InvalidState


def turn_on(held: Held, context: Context) -> Turn:
    """Begin a turn on a copy of the instance."""
    return Turn(held.instance.copy(), held.graph, ELEMENTS, now=context.now, by=context.actor.id, ids=context.ids)


def decided(turn: Turn, held: Held, answer: object = None, beside: tuple[Append, ...] = ()) -> Decision:
    """Return the decision that a turn came to; ``beside`` are appends to other streams that belong to it.

    An incident whose element instance ended in this turn without being resolved is canceled with it.
    """
    stream = turn.instance.identity.stream
    own = (Append(stream, held.version, tuple(turn.events)),) if turn.events else ()
    return Decision((*own, *beside, *_cancellations(turn, held, beside)), answer, {stream: turn.instance})


def _cancellations(turn: Turn, held: Held, beside: tuple[Append, ...]) -> Iterator[Append]:
    unresolved = {stopped.incident for stopped in turn.instance.incidents.values()}
    resolved = {append.stream for append in beside}
    for ulid, version in held.incidents.items():
        stream = incident_stream(ulid)
        if ulid not in unresolved and stream not in resolved:
            yield Append(stream, version, (IncidentCanceled(),))


def tags_by_name(tags: Iterable[Tag]) -> dict[str, str]:
    """Of several tags of one name the last counts."""
    return {tag.name: tag.value for tag in tags}


def process_changes(
    variables: Iterable[ProcessVariable], instance: InstanceId, context: Context
) -> list[VariableChange]:
    """Turn a client's process variables into changes, encrypted where asked."""
    return [_change(variable, PROCESS_SCOPE, instance, context) for variable in variables]


def element_changes(
    variables: Iterable[ElementVariable], instance: Instance, element_instance_id: int, context: Context
) -> list[VariableChange]:
    """Turn a client's element variables into changes of the scopes they name (contracts/engine.md 1.5).

    Raises ``InvalidInput`` when the element instance is in no scope of such a name.
    """
    scopes = {scope.element: scope.id for scope in instance.scopes_of(element_instance_id)}
    unknown = sorted({variable.bpmn_element_id for variable in variables} - scopes.keys() - {""})
    if unknown:
        raise InvalidInput(
            "failed to set element variables",
            f"element instance {instance.partition}/{element_instance_id} has no such scopes "
            f"[{', '.join(unknown)}], but [{', '.join(scopes)}]",
        )
    return [
        _change(variable, scopes.get(variable.bpmn_element_id, element_instance_id), instance.identity, context)
        for variable in variables
    ]


def require_running(instance: Instance, title: str) -> None:
    """Raise ``InvalidState`` when the instance has ended."""
    if instance.has_ended:
        raise InvalidState(title, f"process instance {instance.identity} is ended")


def _change(
    variable: ProcessVariable | ElementVariable, scope: int, instance: InstanceId, context: Context
) -> VariableChange:
    data = variable.data
    if data is None:
        return VariableChange(scope, variable.name)
    value = data.value
    if data.encrypted:
        value = context.cipher.encrypt(value, associated_data(context.tenant, instance, scope, variable.name))
    return VariableChange(scope, variable.name, data.encoding, value, data.encrypted)


def associated_data(tenant: str, instance: InstanceId, scope: int, name: str, sealed_for: str = "") -> str:
    """Bind a ciphertext to its place, so that it cannot be moved to another (design: secrets of a deployment).

    ``sealed_for`` stands for instance and scope where it was encrypted for another place (``VariableSet.sealed_for``).
    """
    return f"{tenant}|{sealed_for or f'{instance}|{scope}'}|{name}"
