"""From a command to a turn of the engine and back: what deciding about process instances has in common."""

from collections.abc import Iterable, Mapping
from typing import Any

from commands.context import Context, Decision
from commands.desk import Held
from commands.intents import Data, ElementVariable, ProcessVariable, Tag
from commands.states import Versioned
from domain.bpmn.events import Item
from domain.bpmn.execution import Turn
from domain.bpmn.instance import PROCESS_SCOPE, Instance
from domain.bpmn.intake import VariableChange
from domain.coordination.running import Running
from domain.coordination.unit_of_work import Question, UnitOfWork
from domain.event import Actor, Append
from domain.identity import InstanceId
from domain.messaging.events import SentVariable
from domain.rejection import InvalidInput, InvalidState


def unit_of(context: Context, states: Mapping[str, Versioned], answers: Mapping[Question, Any] = {}) -> Running:
    """Begin a unit of work on states that are held; it copies what it changes."""
    return Running(states, answers, tenant=context.tenant, now=context.now, by=context.actor.id, ids=context.ids)


def begun(held: Held, context: Context) -> tuple[Running, Turn]:
    """Begin a unit of work with the turn of the instance that is held."""
    unit = unit_of(context, held.states, held.answers)
    return unit, unit.turn(held.instance.identity)


def decided(unit: UnitOfWork, answer: object = None, actor: Actor | None = None) -> Decision:
    """Return the decision that a unit of work came to; what it only read must be as it was, too."""
    unit.finish()
    appends: list[Append] = []
    states: dict[str, Any] = {}
    for stream, expected, events, state in unit.changes():
        appends.append(Append(stream, expected, events))
        states[stream] = state
    if not any(append.events for append in appends):
        return Decision((), answer, {}, actor)
    return Decision(tuple(appends), answer, states, actor)


def tags_by_name(tags: Iterable[Tag]) -> dict[str, str]:
    """Of several tags of one name the last counts."""
    return {tag.name: tag.value for tag in tags}


def process_changes(
    variables: Iterable[ProcessVariable], instance: InstanceId, context: Context
) -> list[VariableChange]:
    """Turn a client's process variables into changes, encrypted where asked."""
    return [_change(variable, PROCESS_SCOPE, instance, context) for variable in variables]


def sent_variables(variables: Iterable[ProcessVariable], origin: str, context: Context) -> tuple[SentVariable, ...]:
    """Turn a client's variables into those that come with a message or signal; the first of a name counts."""
    sent: dict[str, SentVariable] = {}
    for variable in variables:
        data, name = variable.data, variable.name
        if name in sent:
            continue
        if data is None:
            sent[name] = SentVariable(name)
            continue
        value = data.value
        if data.encrypted:
            value = context.cipher.encrypt(value, _bound(context.tenant, origin, name))
        sent[name] = SentVariable(name, data.encoding, value, data.encrypted)
    return tuple(sent.values())


def loop_items(
    items: Iterable[Data], instance: InstanceId, body_id: int, name: str, context: Context
) -> tuple[Item, ...]:
    """Turn a client's collection into items; ``name`` is the variable that each of them becomes below the body."""
    place = associated_data(context.tenant, instance, body_id, name)
    return tuple(
        Item(
            data.encoding,
            context.cipher.encrypt(data.value, place) if data.encrypted else data.value,
            data.encrypted,
        )
        for data in items
    )


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
            f"[{', '.join(unknown)}], but [{', '.join(sorted(scopes))}]",
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
    if not data.encrypted:
        return VariableChange(scope, variable.name, data.encoding, data.value)
    value = context.cipher.encrypt(data.value, associated_data(context.tenant, instance, scope, variable.name))
    return VariableChange(scope, variable.name, data.encoding, value, encrypted=True, plain=data.value)


def associated_data(tenant: str, instance: InstanceId, scope: int, name: str, sealed_for: str = "") -> str:
    """Bind a ciphertext to its place, so that it cannot be moved to another (design: secrets of a deployment).

    ``sealed_for`` stands for instance and scope where it was encrypted for another place (``VariableSet.sealed_for``).
    """
    return _bound(tenant, sealed_for or f"{instance}|{scope}", name)


def _bound(tenant: str, place: str, name: str) -> str:
    return f"{tenant}|{place}|{name}"
