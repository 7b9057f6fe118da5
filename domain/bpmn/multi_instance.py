"""Activities that run several times, one after another or all at once (BPMN 2.0, 13.3.7).

How often, or for which items, the model says as a number, or a job asks a worker. The body is a scope; each instance in
it counts from 1 and, of a collection, gets its item as a variable. The body completes with its last instance, or when
its completion condition holds: then the instances that still run are terminated.
"""

from collections.abc import Callable

from domain.bpmn.conditions import Value
from domain.bpmn.events import ElementSuspended, InstanceState, Item, JobType, MultiInstanceBegun, VariableSet
from domain.bpmn.execution import HALTED, STEP_BUDGET, ExecutionError, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance, Job
from domain.bpmn.intake import Completion
from domain.bpmn.values import holds

#: Enters one instance of an element inside a body, with this loop counter; returns its id.
Open = Callable[[Turn, int, Element, int], int]


def begin_instances(turn: Turn, body_id: int, element: Element, open_instance: Open) -> None:
    """Begin as often as the model says, or ask a worker."""
    if element.multi_instance is None or element.multi_instance.cardinality is None:
        turn.create_job(body_id, JobType.SET_MULTI_INSTANCE, element)
    else:
        _begin(turn, body_id, element, element.multi_instance.cardinality, (), open_instance)


def take_instances(turn: Turn, job: Job, completion: Completion, open_instance: Open) -> None:
    """Begin as often, or for the items, that a worker says; for no items the activity is over at once."""
    items, cardinality = completion.loop_items, completion.loop_cardinality
    if items is None and (cardinality is None or cardinality < 0):
        raise ExecutionError("expected a loop cardinality or loop items")
    if items is not None:
        cardinality = len(items)
    element = turn.graph.elements[job.element]
    _begin(turn, job.element_instance_id, element, cardinality or 0, items or (), open_instance)


def instance_ended(turn: Turn, body_id: int, element: Element, open_instance: Open) -> None:
    """Go on with the body: it completes when that is enough, else further instances begin, else it waits."""
    body = turn.instance.elements[body_id]
    if body.cardinality < 0:  # a worker has still to say how often
        return
    if body.instances > body.children and _is_enough(turn, body, element):
        turn.terminate_inside(body_id, beside=False)
        turn.complete(body_id)
        return
    sequential = element.multi_instance is not None and element.multi_instance.sequential
    if body.instances < body.cardinality and not (sequential and body.children):
        for _ in range(1 if sequential else body.cardinality - body.instances):
            _open(turn, body, element, open_instance)
    elif not body.children:
        turn.complete(body_id)


def _begin(
    turn: Turn, body_id: int, element: Element, cardinality: int, items: tuple[Item, ...], open_instance: Open
) -> None:
    sequential = element.multi_instance is not None and element.multi_instance.sequential
    if cardinality > STEP_BUDGET and not sequential:
        raise ExecutionError(f"loop cardinality {cardinality} exceeds a maximum of {STEP_BUDGET}")
    turn.record(MultiInstanceBegun(body_id, cardinality, items))
    if turn.instance.state in HALTED:
        turn.record(ElementSuspended(body_id))
    else:
        instance_ended(turn, body_id, element, open_instance)


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
        turn.values[instance_id, element.multi_instance.item] = (
            Value(item.encoding, item.value) if not item.encrypted else None
        )
    if turn.instance.elements[instance_id].state is InstanceState.STARTED:
        turn.begin(instance_id)


def _is_enough(turn: Turn, body: ElementInstance, element: Element) -> bool:
    """Tell whether the completion condition holds, which sees the counts of BPMN 2.0, table 10.30, as well."""
    if element.multi_instance is None or not element.multi_instance.until:
        return False
    counts = {
        "numberOfInstances": body.cardinality,
        "numberOfActiveInstances": body.children,
        "numberOfCompletedInstances": body.instances - body.children,
        "numberOfTerminatedInstances": 0,
    }
    beside = {name: Value("json", str(count)) for name, count in counts.items()}
    return holds(turn, element, element.multi_instance.until, body.id, f"element {element.bpmn_id}", beside)
