"""Activities that run several times, one after another or all at once (BPMN 2.0, 13.3.7).

How often, or for which items, the model says as a number, or a job asks a worker. The body is a scope; each instance in
it counts from 1 and, of a collection, gets its item as a variable. The body completes with its last instance, or when
its completion condition holds: then the instances that still run are terminated.
"""

from collections.abc import Callable

from domain.bpmn.conditions import ConditionError, evaluate
from domain.bpmn.events import InstanceState, JobType, MultiInstanceBegun, VariableSet
from domain.bpmn.execution import STEP_BUDGET, ExecutionError, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance, Job
from domain.bpmn.intake import Completion
from domain.bpmn.values import visible_values

#: Enters one instance of an element inside a body, with this loop counter; returns its id.
Open = Callable[[Turn, int, Element, int], int]


def begin_instances(turn: Turn, body_id: int, element: Element, open_instance: Open) -> None:
    """Begin as often as the model says, or ask a worker."""
    if element.multi_instance is None or element.multi_instance.cardinality is None:
        turn.create_job(body_id, JobType.SET_MULTI_INSTANCE, element)
        return
    turn.record(MultiInstanceBegun(body_id, _bounded(element.multi_instance.cardinality)))
    _begin(turn, body_id, element, open_instance)


def take_instances(turn: Turn, job: Job, completion: Completion, open_instance: Open) -> None:
    """Begin as often, or for the items, that a worker says."""
    items = completion.loop_items
    if not items and completion.loop_cardinality <= 0:
        raise ExecutionError("expected a loop cardinality or loop items")
    cardinality = _bounded(len(items) or completion.loop_cardinality)
    turn.record(MultiInstanceBegun(job.element_instance_id, cardinality, items))
    _begin(turn, job.element_instance_id, turn.graph.elements[job.element], open_instance)


def instance_ended(turn: Turn, body_id: int, element: Element, open_instance: Open) -> None:
    """Begin the next instance when the last one has ended, or complete the body."""
    body = turn.instance.elements[body_id]
    if body.instances < body.cardinality and not _is_enough(turn, body, element):
        _open(turn, body, element, open_instance)
    else:
        turn.complete(body_id)


def _begin(turn: Turn, body_id: int, element: Element, open_instance: Open) -> None:
    body = turn.instance.elements[body_id]
    if body.cardinality == 0:
        turn.complete(body_id)
        return
    sequential = element.multi_instance is not None and element.multi_instance.sequential
    for _ in range(1 if sequential else body.cardinality):
        _open(turn, body, element, open_instance)


def _open(turn: Turn, body: ElementInstance, element: Element, open_instance: Open) -> None:
    turn.count_step(element)
    counter = turn.instance.elements[body.id].instances + 1
    instance_id = open_instance(turn, body.id, element, counter)
    if body.items and element.multi_instance is not None and element.multi_instance.item:
        item = body.items[counter - 1]
        turn.record(
            VariableSet(
                id=turn.ids.next("variable", turn.instance.partition),
                process_id=turn.graph.process_id,
                name=element.multi_instance.item,
                encoding=item.encoding,
                value=item.value,
                encrypted=item.encrypted,
                sealed_for=f"{turn.instance.identity}|{body.id}" if item.encrypted else "",
                element_id=turn.graph.element_ids[element.bpmn_id],
                element_instance_id=instance_id,
            )
        )
    if turn.instance.elements[instance_id].state is InstanceState.STARTED:
        turn.begin(instance_id)


def _is_enough(turn: Turn, body: ElementInstance, element: Element) -> bool:
    if element.multi_instance is None or not element.multi_instance.until:
        return False
    try:
        return evaluate(element.multi_instance.until, visible_values(turn, body.id))
    except ConditionError as error:
        raise ExecutionError(f"completion condition of {element.bpmn_id}: {error}") from error


def _bounded(cardinality: int) -> int:
    if cardinality > STEP_BUDGET:
        raise ExecutionError(f"loop cardinality {cardinality} exceeds a maximum of {STEP_BUDGET}")
    return cardinality
